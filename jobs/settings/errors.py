"""What is wrong with the settings: all of it at once, each with its value, its source and the way out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used. `value` is shown as it may be shown: secrets are masked already."""

    setting: str
    value: str
    origin: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        """Two lines: what is wrong, and what to do."""
        stated = f" = {self.value!r}" if self.value else ""
        return f"{self.setting}{stated} ({self.origin}): {self.wrong}.\n    {self.remedy}"


class SettingsError(ValueError):
    """Settings that cannot be used; `problems` holds every one of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Say how many, then each."""
        self.problems = problems
        count = "1 setting" if len(problems) == 1 else f"{len(problems)} settings"
        super().__init__(f"{count} cannot be used:\n  " + "\n  ".join(str(problem) for problem in problems))
