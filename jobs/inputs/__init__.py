"""Sources of events: the declarations that are shipped, and those in files of the shop's own."""

from collections.abc import Iterable
from typing import Final

from events.sources.declaration import Source
from events.sources.problems import SourceError
from events.sources.toml import read_source
from jobs.inputs.files import Declarations, met_twice

_SOURCES: Final = Declarations(__name__, "sources", read_source)


def shipped() -> tuple[str, ...]:
    """Names of the declarations that are shipped."""
    return _SOURCES.shipped()


def sources(named: Iterable[str]) -> tuple[Source, ...]:
    """The sources that `named` tells: names of shipped ones, and paths of files that end in `.toml`.

    Two sources of one name could not be told apart, and a topic is read in one way only.

    Raises:
        SourceError: with everything that is wrong with any of them, at once.
    """
    found, problems = _SOURCES.named(named)
    problems += met_twice(found, ("name", "topic"), lambda source: f"source {source.name!r}")
    if problems:
        raise SourceError(tuple(problems))
    return tuple(found)
