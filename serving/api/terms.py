"""On what terms the API answers: who may ask, how often, how much at once."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from limits import RateLimitItem

HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine that no other can be reached by."""
SHORTEST_TOKEN: Final = 16


class TermsError(ValueError):
    """Terms that cannot be kept; the message says why, and the way out."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Frozen; checked where they are made."""

    tokens: tuple[str, ...] = field(default=(), repr=False)
    """Any of them lets in; none: everyone who reaches the server."""
    tokens_file: Path | None = None
    """More of them, one a line; read again when it changes, so that they can be rotated."""
    rate: str = ""
    """How often one token, or one address, may ask: `100/second;2000/minute`. Empty: as it likes."""
    cors_origins: tuple[str, ...] = ()
    """Pages of these origins may ask from a browser; `*`: all."""
    hosts: frozenset[str] = HERE
    """Without tokens only requests to these names are answered, since any page in a browser of this machine
    can send one under a name of its own (DNS rebinding). Empty: any name."""
    batch_most: int = 500
    """So many shoppers at most in one request."""
    streams_most: int = 100
    """So many streams at most at once."""
    poll_s: float = 0.5
    """How often streams look for changes, all with one round trip."""
    heartbeat_s: float = 15.0
    """A stream that has nothing to say sends a comment so often, for proxies."""
    body_most: int = 1 << 20
    """So many bytes at most in a request's body."""

    def __post_init__(self) -> None:
        """Check what can be checked without asking anybody.

        Raises:
            TermsError: if the rate is none, or a token is too short to be one.
        """
        _ = self.rates
        if any(len(token) < SHORTEST_TOKEN for token in self.tokens):
            msg = f"a token has fewer than {SHORTEST_TOKEN} characters; `openssl rand -hex 32` makes one"
            raise TermsError(msg)

    @property
    def rates(self) -> list["RateLimitItem"]:
        """The rate as `limits` takes it."""
        return rates_of(self.rate)


def rates_of(text: str) -> "list[RateLimitItem]":
    """The limits that `text` names.

    >>> rates_of("100/second; 2000 per 5 minutes")
    [100 per 1 second, 2000 per 5 minute]

    Raises:
        TermsError: if it names none.
    """
    if not text.strip():
        return []
    from limits import parse_many  # noqa: PLC0415  takes 100 ms that other commands need not pay

    try:
        return parse_many(text)
    except ValueError:
        msg = f"{text!r} is no rate; expected such as 100/second or 100/second;2000/minute"
        raise TermsError(msg) from None
