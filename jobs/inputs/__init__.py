"""Sources of events: the declarations that are shipped, and those in files of the shop's own."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

from events.sources.declaration import Source
from events.sources.problems import SourceError, SourceProblem
from events.sources.toml import read_source

_SUFFIX: Final = ".toml"


def shipped() -> tuple[str, ...]:
    """Names of the declarations that are shipped."""
    names = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX)))


def sources(named: Iterable[str]) -> tuple[Source, ...]:
    """The sources that `named` tells: names of shipped ones, and paths of files that end in `.toml`.

    Raises:
        SourceError: with everything that is wrong with any of them, at once.
    """
    found: list[Source] = []
    problems: list[SourceProblem] = []
    for name in named:
        try:
            found.append(read_source(_text(name), name))
        except SourceError as error:
            problems += error.problems
    problems += _met_twice(found)
    if problems:
        raise SourceError(tuple(problems))
    return tuple(found)


def _text(name: str) -> str:
    if not name.endswith(_SUFFIX):
        if name in shipped():
            return (files(__name__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
        expected = f"one of {', '.join(shipped())}, or the path of a file that ends in {_SUFFIX}"
        raise SourceError((SourceProblem("sources", "name", repr(name), expected),))
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = SourceProblem("sources", "path", repr(name), f"a readable file of TOML in UTF-8 ({error})")
        raise SourceError((problem,)) from None


def _met_twice(found: list[Source]) -> list[SourceProblem]:
    """Two sources of one name could not be told apart, and a topic is read in one way only."""
    problems = []
    for index, source in enumerate(found):
        for field in ("name", "topic"):
            value = getattr(source, field)
            if any(getattr(other, field) == value for other in found[:index]):
                expected = "another, for an earlier source has it"
                problems.append(SourceProblem(f"source {source.name!r}", field, repr(value), expected))
    return problems
