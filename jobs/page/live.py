"""The page's service: everything that moves in one frame, and what the buttons do."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from features.catalogue import entries
from features.views import BRANCHES
from jobs.page.acting import Guests, Send
from jobs.page.charts import HEADLINES, Charts
from jobs.page.happenings import Happenings
from jobs.page.kept import Kept, about
from jobs.page.tail import Tail
from jobs.page.watch import Seen, Watch, branch_rates
from jobs.page.why import Why, rows_now
from jobs.settings import Settings
from operators.ledger import VERDICTS
from serving.page.service import RefusedError
from sinks.codec import decode
from sinks.dead_letters import DeadLetter

LIVE_COLUMNS: Final = (("product_view_count", "views"), ("cart_value", "cart"), ("orders_count", "orders"))
MOST_EVENTS: Final = 40
TIMELINE: Final = 30
SILENT_MS: Final = 5_000
_OVER_S: Final = 5


class Freshness(Protocol):
    """How soon an event can be read."""

    samples_ms: list[float]

    def percentile(self, share: float, last: int | None = None) -> float:
        """The value below which `share` of the (`last`) samples lie, in ms; NaN without samples."""


class LivePage:
    """Shows one job. It begins to read when somebody looks at it; close it.

    Args:
        settings: the job's.
        send: where the records of visitors go; None: nobody may act.
        disruptions: what may be broken, by name; each says in a sentence what it did.
        happenings: what is told of the job.
        freshness: measures; None: not measured here.
    """

    def __init__(
        self,
        settings: Settings,
        send: Send | None = None,
        disruptions: Mapping[str, Callable[[], str]] | None = None,
        happenings: Happenings | None = None,
        freshness: Freshness | None = None,
    ) -> None:
        """Prepare; nothing is read yet."""
        self._settings = settings
        self._kept = Kept(definitions=settings.definitions())
        self._tail = Tail(settings, self._kept)
        self._watch = Watch(settings, self._kept)
        self._why = Why(settings, self._kept)
        self._charts = Charts(settings.definitions(), self._kept)
        self._guests = Guests(send, settings.stored_id) if send else None
        self._disruptions = disruptions
        self._happenings = happenings or Happenings()
        self._freshness = freshness
        self._started = threading.Lock()
        self.job_state = ""
        """Told by whoever looks after the job; else it follows from its reports."""

    def close(self) -> None:
        """Read no more."""
        self._tail.stop()
        self._watch.stop()
        self._why.close()

    def about(self) -> dict[str, Any]:
        """What never changes."""
        definitions = self._settings.definitions()
        windows = [
            {"label": window.label, "size_ms": window.size_ms, "pane_ms": window.pane_ms}
            for window in definitions.windows
        ]
        features = [
            {**entry._asdict(), "session": entry.windows == ("session",)} for entry in entries(definitions)
        ]
        return {
            "job": self._settings.job_name,
            "topic": self._settings.topic,
            "windows": windows,
            "branches": BRANCHES,
            "features": features,
            "headlines": HEADLINES,
            "live_columns": LIVE_COLUMNS,
            "may_act": self._guests is not None,
            "may_break": self._disruptions is not None,
            "session_gap_ms": definitions.session_gap_ms,
        }

    def stored(self, shopper: str) -> dict[str, Any]:
        """The id by which a shopper is kept."""
        return {"shopper": self._settings.stored_id(shopper)}

    def watch(self, shopper: str) -> None:
        """Read from now on, this shopper's rows as well."""
        if self._started.acquire(blocking=False):
            self._tail.start()
            self._watch.start()
        self._watch.look()
        if shopper:
            self._watch.choose(shopper)

    def leave(self, shopper: str) -> None:
        """Take that back."""
        if shopper:
            self._watch.leave(shopper)

    def frame(self, shopper: str, since: int) -> tuple[dict[str, Any], int]:
        """Everything that moves."""
        self._tail.look()
        self._watch.look()
        seen, now = self._watch.seen, round(time.time() * 1000)
        events, number = self._kept.since(since, MOST_EVENTS)
        accounting = self._accounting(seen)
        self._happenings.balance(accounting["read"], accounting["ends"], accounting["well"])
        frame = {
            "at": now,
            "seen_at": seen.at,
            "redis_error": seen.error,
            "kafka_error": self._tail.error,
            "job_state": self.job_state or ("RUNNING" if now - seen.progress.at < SILENT_MS else "SILENT"),
            "reported_ms": max(0, now - seen.progress.at) if seen.progress.at else None,
            "come_per_s": round(self._kept.per_second(now // 1000, _OVER_S), 1),
            "read_per_s": round(self._watch.reported.per_s("read"), 1),
            "branches": branch_rates(self._watch.reported, seen.progress),
            "accounting": accounting,
            "fresh": self._fresh(),
            "events": [told._asdict() for told in events],
            "live": [self._brief(name, seen) for name in seen.live],
            "letters": [_letter(letter) for letter in reversed(self._tail.letters)],
            "happenings": [line._asdict() for line in self._happenings.lines()],
            "chosen": self._chosen(shopper, seen, now) if shopper else None,
        }
        return frame, number

    def why(self, shopper: str, window: str, feature: str) -> dict[str, Any]:
        """What is behind a value."""
        return self._why.explain(shopper, window, feature)

    def visitor(self, visitor: str) -> dict[str, Any]:
        """Who a visitor is as a shopper."""
        return self._acting().about(visitor)

    def act(self, visitor: str, deed: str, product: str) -> dict[str, Any]:
        """Let a visitor do something."""
        return self._acting().act(visitor, deed, product)

    def disrupt(self, visitor: str, what: str) -> dict[str, Any]:
        """Break something."""
        if self._disruptions is None:
            msg = "nothing may be broken here: only the demo's own servers are there for that"
            raise RefusedError(msg)
        if what == "poison":
            self._acting().poison(visitor)
            said = "a poison record was sent: a price that is no number"
            self._happenings.say(said)
        else:
            said = self._disruptions[what]()
            self._happenings.say(said, "broke", restarts=what == "kill_taskmanager")
        return {"said": said}

    def _acting(self) -> Guests:
        if self._guests is None:
            msg = "nobody may act as a shopper here; with `shopper serve --api-page-acts` everybody may"
            raise RefusedError(msg)
        return self._guests

    def _accounting(self, seen: Seen) -> dict[str, Any]:
        counts, progress = seen.progress.counts, seen.progress
        verdicts = {name: counts[name] for name in VERDICTS}
        ends = dict(self._tail.ends)
        read = {partition: place.offset + 1 for partition, place in progress.partitions.items()}
        waiting = sum(max(0, end - read.get(partition, 0)) for partition, end in ends.items())
        balanced = counts["read"] == sum(verdicts.values())
        return {
            "read": counts["read"],
            "verdicts": verdicts,
            "balanced": balanced,
            "waiting": waiting,
            "ends": sum(ends.values()),
            "well": balanced and not seen.error and not self._tail.error,
        }

    def _fresh(self) -> dict[str, Any] | None:
        """Milliseconds from Kafka's producer to Redis' reader."""
        measured = self._freshness
        if measured is None or not measured.samples_ms:
            return None
        return {
            "p50": round(measured.percentile(0.5, last=100)),
            "p99": round(measured.percentile(0.99, last=100)),
            "latest": [round(each) for each in measured.samples_ms[-40:]],
        }

    def _brief(self, shopper: str, seen: Seen) -> dict[str, Any]:
        first = seen.rows.get(shopper, {}).get(self._watch.labels[0], {})
        return {"shopper": shopper, "values": [first.get(name, "") for name, _ in LIVE_COLUMNS]}

    def _chosen(self, shopper: str, seen: Seen, now: int) -> dict[str, Any]:
        hashes = seen.rows.get(shopper, {})
        rows = rows_now(hashes)
        heard = self._kept.events(shopper)
        counted = max((stored.seen for each in rows.values() if (stored := decode(each))), default=0)
        session = rows.get("session", {}).get("session_id")
        timeline: list[dict[str, Any]] = [
            {"at": each.event.at, "kind": each.event.kind, "about": about(each.event)}
            for each in heard
            if session is None or each.event.session_id in (session, None)
        ]
        return {
            "shopper": shopper,
            "same_as": seen.same_as.get(shopper, ""),
            "known": shopper in seen.rows,
            "rows": rows,
            "timeline": sorted(timeline, key=lambda each: -each["at"])[:TIMELINE],
            "charts": self._charts.of(shopper, counted, now),
        }


def _letter(letter: DeadLetter) -> dict[str, Any]:
    reasons = [reason._asdict() for reason in letter.reasons]
    bug = letter.bug and f"{letter.bug.exception} at {letter.bug.place}"
    return {"id": letter.id, "at": letter.at, "kind": letter.kind, "reasons": reasons, "bug": bug}
