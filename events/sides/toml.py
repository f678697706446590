"""A side input's declaration as the text of a TOML file."""

from events.sides.declaration import SideInput
from events.sources.toml import toml_table


def read_side_input(text: str, file: str) -> SideInput:
    """The side input that `text`, the content of `file`, declares.

    Raises:
        SourceError: with everything that is wrong, at once.
    """
    return SideInput.of(toml_table(text, file), file)
