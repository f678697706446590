"""One run of the demo on servers that are up: events sent, values shown, everything accounted for."""

import shutil
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from kafka import TopicPartition

from jobs.cli.outcome import accounting
from jobs.cluster.supervisor import Supervisor
from jobs.demo.disruptions import Disruptions
from jobs.demo.feed import Feed
from jobs.demo.freshness import Freshness
from jobs.demo.screen import Hashes, Moment
from jobs.kafka.client import consumer
from jobs.local.stack import LocalStack
from jobs.page.happenings import Happenings
from jobs.page.live import LivePage
from jobs.settings import Settings
from jobs.settings.job import job_config
from jobs.watching.progress import Progress, read_progress
from serving.redis_reader import RedisReader, RedisUnreachableError
from serving.shoppers import read_shoppers
from sinks.keys import encode_id

PARTITIONS: Final = 4
SHOWN: Final = 6
SETTLE_S: Final = 20.0
"""How long the last records may take to be accounted for."""
SILENT_S: Final = 30.0
"""How long Redis may be silent: somebody may have frozen it."""
_LOOK_S: Final = 0.5
_RATE_SAMPLES: Final = 10


class DemoError(Exception):
    """Something that the demo started has died, or did not do its work."""


class DemoSession:
    """The demo's servers, job and threads together. To be used in the thread that started the servers."""

    def __init__(
        self, stack: LocalStack, settings: Settings, rate_per_s: float, seed: int, say: Callable[[str], None]
    ) -> None:
        """Point the settings at the servers; nothing is sent yet."""
        self._stack = stack
        places = {"kafka_bootstrap": stack.kafka.bootstrap, "redis_url": stack.redis.url}
        self.settings = settings.model_copy(update=places)
        config = job_config(
            self.settings,
            life=round(time.time() * 1000),
            checkpoint_dir=stack.flink.checkpoints.as_uri(),
        )
        self._happenings = Happenings()
        self._supervisor = Supervisor(stack.flink, config, self._telling(say))
        self._reader = RedisReader(stack.redis.url)
        self.feed = Feed(self.settings, rate_per_s, seed)
        self.freshness = Freshness(self.settings, self.feed)
        self._disruptions = Disruptions(stack)
        self.page = LivePage(
            self.settings, self.feed.send, self._disruptions.named(), self._happenings, self.freshness
        )
        self.page_url = ""
        """Where the page is, if it is served."""
        self._seen: deque[tuple[float, int, int]] = deque(maxlen=_RATE_SAMPLES)

    def submit(self) -> str:
        """Create the topics, submit the job and wait until it runs; return its id."""
        for topic in (self.settings.topic, self.settings.dead_letter_topic):
            self._stack.kafka.create_topic(topic, PARTITIONS)
        self._supervisor.start(fresh=True)
        self._supervisor.wait_running()
        return self._supervisor.job_id

    def play(self, seconds: float | None, show: Callable[[Moment], None]) -> None:
        """Send and show until `seconds` have passed, or for ever.

        Raises:
            DemoError: if a server died or events could not be sent.
            JobEndedError: if the job came to an end.
        """
        self.feed.start()
        self.freshness.start()
        begin = heard = time.monotonic()
        while seconds is None or time.monotonic() - begin < seconds:
            self._check()
            self.page.job_state = state = self._supervisor.look()
            self._happenings.state(state)
            try:
                show(self._moment(time.monotonic() - begin, state))
                heard = time.monotonic()
            except RedisUnreachableError:
                if time.monotonic() - heard > SILENT_S:
                    raise
            time.sleep(_LOOK_S)

    def settle(self) -> Progress:
        """Stop sending and wait until every record of the topic is accounted for.

        Raises:
            DemoError: if that does not happen in time.
        """
        self._disruptions.close()
        self.freshness.stop()
        self.feed.stop()
        until, there = time.monotonic() + SETTLE_S, self._in_topic()
        while (progress := self._progress()).counts["read"] != there:
            self._check()
            self._supervisor.look()
            if time.monotonic() > until:
                msg = f"{there} records are in the topic, but of these the job {accounting(progress.counts)}"
                raise DemoError(msg)
            time.sleep(_LOOK_S)
        return progress

    def hints(self) -> list[str]:
        """Say how to look for oneself."""
        url = self._stack.redis.url
        shopper = next(iter(self._lively()), "…")
        bundled = self._stack.redis.executable.with_name("redis-cli")
        client = bundled if bundled.is_file() and not shutil.which("redis-cli") else "redis-cli"
        page = [f"the live page: {self.page_url}"] if self.page_url else []
        return [
            *page,
            f"{client} -u {url} hgetall user:{encode_id(shopper)}:features:1h",
            f"shopper get {shopper} --redis-url {url}",
            f"Flink's page: {self._stack.flink.rest_url}",
        ]

    def close(self) -> None:
        """Stop the threads and close the connection."""
        self.page.close()
        self._disruptions.close()
        self.freshness.stop()
        self.feed.stop()
        self._reader.close()

    def _telling(self, say: Callable[[str], None]) -> Callable[[str], None]:
        def tell(text: str) -> None:
            say(text)
            self._happenings.say(text)

        return tell

    def _moment(self, elapsed_s: float, state: str) -> Moment:
        counts = self._progress().counts
        self._seen.append((elapsed_s, self.feed.sent, counts["applied"]))
        first, last = self._seen[0], self._seen[-1]
        span = max(last[0] - first[0], _LOOK_S)
        return Moment(
            elapsed_s,
            last[1],
            (last[1] - first[1]) / span,
            max(0, last[2] - first[2]) / span,  # after a crash the job counts some records again
            self.freshness.percentile(0.5, last=100),
            self.freshness.percentile(0.99, last=100),
            accounting(counts),
            state,
            self._shoppers(),
            self.hints(),
        )

    def _in_topic(self) -> int:
        """How many records there are: what was sent, and what somebody else may have."""
        with consumer(self.settings) as kafka:
            places = [TopicPartition(self.settings.topic, number) for number in range(PARTITIONS)]
            return sum(kafka.end_offsets(places).values())

    def _progress(self) -> Progress:
        return read_progress(self._reader, self.settings.job_name, self.settings.redis_prefix)

    def _shoppers(self) -> list[tuple[str, Hashes]]:
        """Read those of whom most is heard; in the place of a device whose rows point, its user, once."""
        labels = [*(window.label for window in self.settings.windows), "session"]
        shoppers = self._lively()
        rows, same_as = read_shoppers(self._reader, shoppers, labels, self.settings.redis_prefix)
        names = dict.fromkeys(same_as.get(name, name) for name in shoppers)
        return [(name, rows[name]) for name in names]

    def _lively(self) -> list[str]:
        """Return those of whom most is heard."""
        return [name for name, _ in (self.feed.in_shop or self.feed.of_shopper).most_common(SHOWN)]

    def _check(self) -> None:
        if self.feed.error is not None:
            msg = f"no more events can be sent: {self.feed.error}"
            raise DemoError(msg)
        for process in (self._stack.kafka.process, self._stack.redis.process):
            if process.pid is None:
                msg = f"{process.name} has died. The end of {process.log}:\n{process.tail(8)}"
                raise DemoError(msg)
