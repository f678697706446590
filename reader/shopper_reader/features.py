"""The reader for threads."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final

from redis.backoff import EqualJitterBackoff
from redis.retry import Retry

from shopper_reader.address import Address
from shopper_reader.asking import Asker, Asking, by_shopper, joined
from shopper_reader.catalogue import Catalogue, shipped
from shopper_reader.errors import ConnectError, TimedOutError, TransportError
from shopper_reader.faults import CAUGHT, unreachable
from shopper_reader.keys import Keys
from shopper_reader.limits import Breaker, Limits
from shopper_reader.links import Link, link_to
from shopper_reader.plans import Names
from shopper_reader.rows import Row, Shopper
from shopper_reader.values import Value

JOB: Final = "shopper-features"
"""What a job is called unless its settings say otherwise."""
NO_DEFAULTS: Final[Mapping[str, Value]] = MappingProxyType({})
AGAIN: Final = (ConnectError, TimedOutError)
"""After these a call is tried again."""


class Features:
    """Reads shoppers' features. Safe among threads; made with `connect`, closed by `close` or `with`.

    All that reads raises:
        AskedWronglyError: if there is no such window or feature.
        TransportError: if Redis was not reached or did not answer in time.
        AccessError: if it does not let the reader in.
        AnswerError: if it answered what is no row.
    """

    def __init__(self, link: Link, asker: Asker, limits: Limits, shown: str) -> None:
        """Take what `connect` made."""
        self._link = link
        self._asker = asker
        self._shown = shown
        self._breaker = Breaker(limits.failures, limits.pause_s, shown)
        self._retry = Retry(EqualJitterBackoff(cap=0.1, base=0.01), limits.retries, AGAIN)

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        prefix: str = "",
        job: str = JOB,
        catalogue: Catalogue | None = None,
        defaults: Mapping[str, Value] = NO_DEFAULTS,
        limits: Limits = Limits(),  # noqa: B008  frozen
    ) -> "Features":
        """A reader of the Redis at `url`; it connects at its first call.

        Args:
            url: redis://, redis+sentinel:// or redis+cluster://, with `rediss` for TLS.
            prefix: what every key begins with.
            job: name of the job whose progress tells whether rows are fresh.
            catalogue: of the installation, where its windows are not the default ones.
            defaults: values, by feature, for where there is none.
            limits: timeouts, retries, the circuit breaker.

        Raises:
            AskedWronglyError: if one of these cannot work.
        """
        address = Address.parse(url)
        keys = Keys(prefix, address.kind == "cluster")
        asker = Asker(keys, job, catalogue or shipped(), defaults, address.shown)
        return cls(link_to(address, limits), asker, limits, address.shown)

    def get(self, shopper: str, *, windows: Names = None, features: Names = None) -> Shopper:
        """The shopper's rows in one round trip, or in two where they are found under another id (`same_as`).

        Args:
            shopper: the `user_id`, else the device's own id.
            windows: labels, `session` among them; None: all, or those that have one of the features.
            features: names; None: all.
        """
        return self.get_many((shopper,), windows=windows, features=features)[shopper]

    def get_many(
        self, shoppers: Iterable[str], *, windows: Names = None, features: Names = None
    ) -> dict[str, Shopper]:
        """The rows of many shoppers in one round trip (to each node of a cluster).

        A second one goes to the users' rows where some are of devices whose rows point there.
        """
        asking = self._asker.shoppers(shoppers, windows, features)
        return by_shopper(asking, self._read(asking))

    def session(self, session_id: str, *, features: Names = None) -> Row:
        """A session by its own id, whoever is in it."""
        (row,) = self._read(self._asker.session(session_id, features))
        return row

    def close(self) -> None:
        """Close all connections."""
        self._link.close()

    def __enter__(self) -> "Features":  # noqa: PYI034  Python 3.10 has no Self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, asking: Asking) -> list[Row]:
        rows = self._asker.rows(asking, self._replies(asking))
        further = self._asker.further(rows)
        if further is None:
            return rows
        # A row that is pointed to and points itself is not followed: it is MISSING.
        return joined(rows, self._asker.rows(further, self._replies(further)))

    def _replies(self, asking: Asking) -> list[Any]:
        self._breaker.admit()
        try:
            replies: list[Any] = self._retry.call_with_retry(lambda: self._once(asking), _nothing)
        except TransportError:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return replies

    def _once(self, asking: Asking) -> list[Any]:
        try:
            return self._link.exchange(asking)
        except CAUGHT as error:
            raise unreachable(error, self._shown) from error


def _nothing(_error: Exception) -> None:
    """Between two tries nothing is to be done: the link has dropped what was broken."""
