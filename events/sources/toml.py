"""A declaration as the text of a TOML file."""

import tomllib

from events.sources.declaration import Source
from events.sources.problems import SourceError, SourceProblem


def read_source(text: str, file: str) -> Source:
    """The source that `text`, the content of `file`, declares.

    Raises:
        SourceError: with everything that is wrong, at once.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SourceError((SourceProblem(file, "the file", repr(str(error)), "TOML"),)) from None
    return Source.of(table, file)
