"""What a decoder says of a record that gives no event."""

from typing import NamedTuple

from events.event import Event


class Reason(NamedTuple):
    """One reason why a record cannot be used."""

    field: str
    """The field in the wire format's own words, `contexts.product[1].price` for instance."""
    value: str
    """The value, shortened and without personal data."""
    expected: str


class Dead(NamedTuple):
    """A record that cannot be used: every reason at once."""

    wire_format: str
    reasons: tuple[Reason, ...]


class Filtered(NamedTuple):
    """A sound record that the job leaves out on purpose: `no_shopper_id`, `robot` or `app_id`."""

    reason: str


class Forget(NamedTuple):
    """A control record: nothing of this shopper is to be kept."""

    shopper: str
    stored: bool = False
    """Whether it is the id by which the shopper is kept, which is not to be hashed again."""


Verdict = Event | Filtered | Dead | Forget
