"""What a job needs of Kafka and Redis, tried before it is submitted: later it would restart for ever."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Final

from features.row import FeatureRow, Value
from jobs.kafka.client import KafkaUnreachableError, topics_of
from jobs.settings import Settings
from sinks.branch_fields import BranchFields
from sinks.errors import SinkSettingError, SinkUnavailable
from sinks.redis_sink import RedisSink

GIVE_UP_S: Final = 5.0
KEPT_MS: Final = 1_000
"""How long what was tried in Redis could be seen there, were it not removed at once."""
_BRANCHES: Final = {name: BranchFields(frozenset({f"of_{name}"})) for name in ("one", "other")}


class PreflightError(Exception):
    """The job would not run; the message holds everything that was found, and the way out of each."""


def preflight(settings: Settings) -> None:
    """Try all that the job will do: log in to Kafka, find its topics, write and delete rows in Redis.

    Leaves nothing behind in Redis.

    Raises:
        PreflightError: with everything that will not work.
    """
    found = [*_kafka(settings), *_redis(settings)]
    if found:
        msg = "the job would not run:\n  " + "\n  ".join(found)
        raise PreflightError(msg)


def _kafka(settings: Settings) -> Iterator[str]:
    try:
        topics = topics_of(settings)
    except KafkaUnreachableError as error:
        yield str(error)
        return
    declared = [(source.topic, f"source {source.name}") for source in settings.declared]
    declared += [(side.topic, f"side input of {side.table}") for side in settings.declared_sides]
    ours = [(getattr(settings, name), f"setting {name}") for name in ("topic", "dead_letter_topic")]
    for topic, name in (*ours, *declared):
        if topic and topic not in topics:
            seen = f", or {settings.kafka_sasl_user!r} may not see it" if settings.kafka_sasl_user else ""
            yield (
                f"Kafka at {settings.kafka_bootstrap} has no topic {topic} ({name}){seen}; create it first"
            )


def _redis(settings: Settings) -> Iterator[str]:
    """Write as the job will, so that what is tried cannot differ from what is needed."""
    branch = "one" if settings.topology == "branches" else ""
    try:
        sink = RedisSink.connect(
            settings.redis_url,
            settings.redis_prefix,
            give_up_s=GIVE_UP_S,
            branch=branch,
            branches=_BRANCHES if branch else None,
            live_shopper=settings.definitions().live_shopper,
        )
        with closing(sink):
            _write(sink, settings.job_name, entities=bool(settings.entities))
    except (SinkUnavailable, SinkSettingError, OSError) as error:
        yield str(error)


def _write(sink: RedisSink, job_name: str, *, entities: bool) -> None:
    shopper = f"preflight~{uuid.uuid4().hex}"
    now = time.time_ns() // 1_000_000
    until = now + KEPT_MS
    # The second time the rows are over, which deletes them. The life is 0: no row of a job is behind these.
    for at in (now, until):
        rows = [
            FeatureRow("user", shopper, "5min", {"product_view_count": 0}, at, until, until, 0),
            FeatureRow("session", shopper, "session", {}, at, until, until, 0, False, shopper, now),
            FeatureRow("pipeline", job_name, "session", {}, at, until, until, 0),
        ]
        if entities:
            over_all: dict[str, Value] = {"product": 1} if at < until else {}
            rows += [
                FeatureRow("product", shopper, "", {"clicks": 0}, at, until, until, 0, tail=("stats",)),
                FeatureRow("products", shopper, "", over_all, at, until, until, 0, tail=("1h",), ranked=True),
            ]
        sink.write(rows, life=0)
