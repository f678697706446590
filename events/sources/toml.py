"""A declaration as the text of a TOML file."""

import tomllib
from typing import Any

from events.sources.declaration import Source
from events.sources.problems import SourceError, SourceProblem


def read_source(text: str, file: str) -> Source:
    """The source that `text`, the content of `file`, declares.

    Raises:
        SourceError: with everything that is wrong, at once.
    """
    return Source.of(toml_table(text, file), file)


def toml_table(text: str, file: str) -> dict[str, Any]:
    """The table that `text`, the content of `file`, is.

    Raises:
        SourceError: if it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError((SourceProblem(file, "the file", repr(str(error)), "TOML"),)) from None
