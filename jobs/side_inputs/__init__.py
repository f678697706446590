"""Side inputs: the declarations that are shipped, and those in files of the shop's own."""

from collections.abc import Iterable
from typing import Final

from events.sides.checking import DECLARED
from events.sides.declaration import SideInput
from events.sides.toml import read_side_input
from events.sources.problems import SourceError
from jobs.inputs.files import Declarations, met_twice

_SIDES: Final = Declarations(__name__, "side_inputs", read_side_input)


def shipped() -> tuple[str, ...]:
    """Names of the declarations that are shipped."""
    return _SIDES.shipped()


def side_inputs(named: Iterable[str]) -> tuple[SideInput, ...]:
    """The side inputs that `named` tells: names of shipped ones, and paths of files that end in `.toml`.

    A table lies in one topic, and a topic is read in one way only.

    Raises:
        SourceError: with everything that is wrong with any of them, at once.
    """
    found, problems = _SIDES.named(named)
    problems += met_twice(found, ("table", "topic"), lambda side: f"side input {side.table!r}")
    if problems:
        raise SourceError(tuple(problems), DECLARED)
    return tuple(found)
