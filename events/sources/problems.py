"""What is wrong with a declaration: all at once, each with its place, its value and what is expected."""

from typing import NamedTuple


class SourceProblem(NamedTuple):
    """One thing that cannot be used."""

    file: str
    field: str
    """Where in the declaration, `fields.at.unit` for instance."""
    value: str
    """As it stands there; empty where it is missing."""
    expected: str

    def __str__(self) -> str:
        """One line: where, what, and what should be there."""
        stated = f" = {self.value}" if self.value else " is missing"
        return f"{self.file}: {self.field}{stated}; expected {self.expected}"


class SourceError(ValueError):
    """Declarations that cannot be used; `problems` holds everything that is wrong with them."""

    def __init__(self, problems: tuple[SourceProblem, ...], declared: str = "sources") -> None:
        """Say how much, then each; `declared` is what the declarations are of."""
        self.problems = problems
        count = "1 reason" if len(problems) == 1 else f"{len(problems)} reasons"
        said = "\n  ".join(str(problem) for problem in problems)
        super().__init__(f"what is declared of {declared} cannot be used, for {count}:\n  {said}")


class Problems:
    """Collects what is wrong with one file's declaration."""

    def __init__(self, file: str) -> None:
        """Begin without any."""
        self.file = file
        self.found: list[SourceProblem] = []

    def add(self, field: str, value: object, expected: str) -> None:
        """Note one; `value` None is a missing one."""
        shown = "" if value is None else repr(value)
        self.found.append(SourceProblem(self.file, field, shown, expected))
