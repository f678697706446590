"""What operators tell each other while events wait for what the catalogue says of their products."""

from typing import Final

import msgspec

from events.sides.completing import Goods
from events.sides.row import SideRow
from operators.batch import Forgetting, Record


class Hold(msgspec.Struct, array_like=True, tag="hold"):
    """Events that lack something, to a bucket of `completing`. New fields go to the end, with a default."""

    bucket: int
    call: str
    """By which answers find it, whichever comes first."""
    newest: int = 0
    """Greatest Kafka timestamp of the call's records, epoch ms."""
    records: list[Record] = []
    again: bool = False
    """Whether its one record may have been accounted for before a migration."""
    forgets: list[Forgetting] = []
    """Control records of the same partitions, which are not to outrun the events before them."""


class Answer(msgspec.Struct, array_like=True, tag="answer"):
    """What the catalogue has, and has not, of the products that a call asked for."""

    bucket: int
    call: str
    """Empty: rows that came, for whoever waits for them."""
    found: dict[str, Goods] = {}
    missing: list[str] = []


class Ask(msgspec.Struct, array_like=True, tag="ask"):
    """To a bucket of the catalogue: some of its products are waited for."""

    bucket: int
    home: int
    """Where the events wait, a bucket of `completing`."""
    call: str
    products: list[str]


class Change(msgspec.Struct, array_like=True, tag="change"):
    """To a bucket of the catalogue: its rows changed, the oldest first."""

    bucket: int
    rows: list[SideRow] = []
    loaded: list[int] = []
    """Partitions of which all has been read that was there when the job was submitted."""


encode: Final = msgspec.msgpack.Encoder().encode
decode_waiting: Final = msgspec.msgpack.Decoder(Hold | Answer).decode
decode_asking: Final = msgspec.msgpack.Decoder(Ask | Change).decode
