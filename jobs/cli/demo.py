"""`shopper demo`: the whole thing on this machine, with nothing to set up."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Annotated, Final, NamedTuple

import typer
from rich.console import Console

from jobs.cli.flags import MEANING, with_settings
from jobs.cli.live_view import LiveView
from jobs.cli.outcome import CommandError, accounting
from jobs.cli.serve import application
from jobs.cli.signals import interruptible
from jobs.cluster.submission import SubmissionError
from jobs.cluster.supervisor import JobEndedError
from jobs.demo.screen import freshness
from jobs.demo.session import DemoError, DemoSession
from jobs.kafka.client import KafkaUnreachableError
from jobs.local.errors import LocalError
from jobs.local.stack import LocalStack
from jobs.page.server import PageServer, PortTakenError, take
from jobs.settings import Loaded, Settings
from serving.api.terms import Terms
from serving.redis_reader import RedisUnreachableError

Say = Callable[[str], None]
FAILURES: Final = (
    DemoError,
    JobEndedError,
    KafkaUnreachableError,
    LocalError,
    RedisUnreachableError,
    SubmissionError,
)
"""What may go wrong with what the demo starts."""


@with_settings("topology", "parallelism", "buckets", "batch_ms", "state_backend", *MEANING)
def demo(
    loaded: Loaded,
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so long.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=20_000, help="Events a second.")] = 50,
    seed: Annotated[int, typer.Option(help="Of the synthetic shop: the same seed, the same shop.")] = 1,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Serve the live page.")] = True,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of the page; 0 takes any free one.")] = 0,
) -> None:
    """Start Kafka, Flink and Redis on this machine and watch features change.

    Plays 833 recorded Snowplow events, moved to now, and then a synthetic shop. The live page shows it all:
    act as a shopper, break things, ask why a value is what it is. All servers listen on free ports of
    127.0.0.1, write to .local/run and end with the demo, by Ctrl-C or after --seconds.

    Examples:
        shopper demo

        shopper demo --seconds 60 --rate 200
    """
    console = Console()
    started = time.monotonic()

    def say(text: str) -> None:
        line = f"{time.monotonic() - started:5.1f} s  {text}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        with interruptible():
            _demo(loaded.settings, Wishes(rate, seed, seconds, page, port), console, say)
    except PortTakenError as error:
        raise CommandError(str(error)) from None
    except FAILURES as error:
        msg = f"{error}\nThe servers' logs are in .local/run."
        raise CommandError(msg) from None


class Wishes(NamedTuple):
    """What was asked for."""

    rate: float
    seed: int
    seconds: float | None
    page: bool
    port: int


def _demo(settings: Settings, wishes: Wishes, console: Console, say: Say) -> None:
    with ExitStack() as early:
        # A port that cannot be had is told before a minute is spent on starting servers.
        listening = early.enter_context(take(wishes.port)) if wishes.page else None
        stack = early.enter_context(LocalStack(taskmanagers=settings.parallelism, progress=say))
        with (
            closing(DemoSession(stack, settings, wishes.rate, wishes.seed, say)) as session,
            ExitStack() as page,
        ):
            say("the job is packed and submitted")
            say(f"job {session.submit()} runs; events flow")
            if listening is not None:
                app = application(session.settings, Terms(), session.page)
                session.page_url = page.enter_context(PageServer(app, listening)).url
                say(f"Open {session.page_url}")
            say(f"Redis {stack.redis.url}, Kafka {stack.kafka.bootstrap}, Flink {stack.flink.rest_url}")
            try:
                with LiveView(console) as view:
                    session.play(wishes.seconds, view.show)
            except KeyboardInterrupt:
                say("interrupted; the last events are waited for")
            progress = session.settle()
            measured = session.freshness
            fresh = freshness(measured.percentile(0.5), measured.percentile(0.99))
            say(f"every record is accounted for: {accounting(progress.counts)}")
            say(f"{fresh}; {len(measured.samples_ms)} events followed, {measured.missed} missed")
        say("all servers are being stopped")
