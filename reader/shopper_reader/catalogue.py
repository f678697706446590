"""The catalogue as data: which features there are, in which windows, of which types."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from shopper_reader.errors import CatalogueError
from shopper_reader.values import PARSERS

SESSION: Final = "session"
"""The label of the shopper's current session."""
INSTANT: Final = "epoch ms"
"""The unit of instants."""


@dataclass(frozen=True)
class Window:
    """A rolling window: the last `size_ms`, in panes of `pane_ms` that are aligned to the epoch."""

    label: str
    size_ms: int
    pane_ms: int

    def start(self, now: int) -> int:
        """From when on events are inside at `now`; all are epoch ms.

        >>> Window("5min", 300_000, 10_000).start(1_000_000_009_999)
        999999700000
        """
        return (now - self.size_ms) // self.pane_ms * self.pane_ms


@dataclass(frozen=True)
class Feature:
    """One feature, in each of `windows`."""

    name: str
    branch: str
    view: str
    windows: tuple[str, ...]
    type: str
    unit: str
    doc: str


@dataclass(frozen=True)
class Catalogue:
    """Windows and features of one installation."""

    windows: tuple[Window, ...]
    session_gap_ms: int
    """A pause of so long closes a session."""
    features: tuple[Feature, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Catalogue":
        """The catalogue that `shopper features --catalogue` printed, as parsed JSON.

        Raises:
            CatalogueError: if it is not of that form.
        """
        try:
            windows = tuple(Window(**window) for window in data["windows"])
            features = tuple(
                Feature(**feature | {"windows": tuple(feature["windows"])}) for feature in data["features"]
            )
            made = cls(windows, int(data["session_gap_ms"]), features)
        except (KeyError, TypeError, ValueError) as error:
            msg = f"this is no catalogue ({error!r}); `shopper features --catalogue` prints one"
            raise CatalogueError(msg) from None
        unknown = sorted({feature.type for feature in features} - PARSERS.keys())
        if unknown:
            msg = f"the catalogue has values of type {unknown[0]!r}, known are {', '.join(sorted(PARSERS))}"
            raise CatalogueError(msg)
        return made

    @classmethod
    def read(cls, path: Path | str) -> "Catalogue":
        """The catalogue in the file at `path`.

        Raises:
            CatalogueError: if there is none.
        """
        try:
            return cls.of(json.loads(Path(path).read_bytes()))
        except (OSError, json.JSONDecodeError) as error:
            msg = f"{path} holds no catalogue ({error}); `shopper features --catalogue` prints one"
            raise CatalogueError(msg) from None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Labels of all windows, the session last."""
        return (*(window.label for window in self.windows), SESSION)

    @cached_property
    def window(self) -> Mapping[str, Window]:
        """The rolling windows by label."""
        return {window.label: window for window in self.windows}

    def inside(self, label: str) -> Iterator[Feature]:
        """The features of one window."""
        return (feature for feature in self.features if label in feature.windows)

    def names(self, labels: Iterable[str]) -> set[str]:
        """Names of the features in any of the windows."""
        wanted = set(labels)
        return {feature.name for feature in self.features if not wanted.isdisjoint(feature.windows)}


@cache
def shipped() -> Catalogue:
    """The catalogue in this package: that of the default settings."""
    return Catalogue.read(Path(__file__).with_name("catalogue.json"))
