"""Files of declarations: those that are shipped go by name, a shop's own by their path."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Generic, TypeVar

from events.sources.problems import SourceError, SourceProblem

SUFFIX: Final = ".toml"
_Declared = TypeVar("_Declared")


@dataclass(frozen=True, slots=True)
class Declarations(Generic[_Declared]):
    """Declarations of one kind."""

    package: str
    """Where the shipped ones are."""
    setting: str
    """What names them, as problems say it."""
    read: Callable[[str, str], _Declared]
    """Makes one of a file's text and name; what is wrong is a `SourceError`."""

    def shipped(self) -> tuple[str, ...]:
        """Names of the declarations that are shipped."""
        names = (entry.name for entry in files(self.package).iterdir())
        return tuple(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX)))

    def named(self, names: Iterable[str]) -> tuple[list[_Declared], list[SourceProblem]]:
        """The declarations that can be read, and everything that is wrong with the others."""
        found: list[_Declared] = []
        problems: list[SourceProblem] = []
        for name in names:
            try:
                found.append(self.read(self._text(name), name))
            except SourceError as error:
                problems += error.problems
        return found, problems

    def _text(self, name: str) -> str:
        if not name.endswith(SUFFIX):
            if name in self.shipped():
                return (files(self.package) / f"{name}{SUFFIX}").read_text(encoding="utf-8")
            expected = f"one of {', '.join(self.shipped())}, or the path of a file that ends in {SUFFIX}"
            raise SourceError((SourceProblem(self.setting, "name", repr(name), expected),))
        try:
            return Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            expected = f"a readable file of TOML in UTF-8 ({error})"
            raise SourceError((SourceProblem(self.setting, "path", repr(name), expected),)) from None


def met_twice(
    found: Iterable[object], fields: Iterable[str], called: Callable[..., str]
) -> list[SourceProblem]:
    """Declarations of which an earlier one has the value of a field that each has for itself."""
    problems: list[SourceProblem] = []
    earlier: set[tuple[str, str]] = set()
    for declared in found:
        for name in fields:
            value = getattr(declared, name)
            if (name, value) in earlier:
                expected = "another, for an earlier one has it"
                problems.append(SourceProblem(called(declared), name, repr(value), expected))
        earlier |= {(name, getattr(declared, name)) for name in fields}
    return problems
