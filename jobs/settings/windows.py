"""The rolling windows, as a shop writes them down."""

from datetime import timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from features.settings import Window


class WindowSetting(BaseModel):
    """A rolling window: the last `size_s` seconds, in panes of `pane_s` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    size_s: int = Field(gt=0)
    pane_s: int = Field(gt=0)

    @field_validator("pane_s")
    @classmethod
    def _panes_tile_the_window(cls, pane_s: int, info: ValidationInfo) -> int:
        size_s = info.data.get("size_s", pane_s)
        if size_s % pane_s:
            msg = f"size_s = {size_s} is not a multiple of it: panes would straddle the window's edge"
            raise ValueError(msg)
        return pane_s

    def definition(self) -> Window:
        """Return the window as the features know it."""
        return Window(self.label, timedelta(seconds=self.size_s), timedelta(seconds=self.pane_s))

    def __str__(self) -> str:
        """Label, size and pane: `5min 300/10 s`."""
        return f"{self.label} {self.size_s}/{self.pane_s} s"


DEFAULT_WINDOWS = (
    WindowSetting(label="5min", size_s=300, pane_s=10),
    WindowSetting(label="1h", size_s=3600, pane_s=60),
    WindowSetting(label="24h", size_s=24 * 3600, pane_s=900),
)


def check_all(windows: tuple[WindowSetting, ...]) -> tuple[WindowSetting, ...]:
    """Refuse two windows of one label, the label of the session's rows, and windows that do not nest."""
    labels = [window.label for window in windows]
    if not labels:
        msg = "no window at all"
        raise ValueError(msg)
    if len(set(labels)) < len(labels) or "session" in labels:
        msg = f"each window needs a label of its own other than 'session', not {labels}"
        raise ValueError(msg)
    for shorter, longer in pairwise(windows):
        least = shorter.size_s + shorter.pane_s
        if longer.size_s < least or longer.pane_s % shorter.pane_s:
            msg = (
                f"{shorter.label!r} and {longer.label!r} do not nest: list them from the shortest to the "
                f"longest; after {shorter}, {longer.label!r} needs a size_s of at least {least} and a "
                f"pane_s that is a multiple of {shorter.pane_s}, not {longer}"
            )
            raise ValueError(msg)
    return windows
