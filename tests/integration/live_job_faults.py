"""Features functions with faults, and an entry point that submits the job with one; goes into the zip."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jobs import microbatch
from jobs.live import configured
from jobs.pipeline import build, environment
from operators.batch import decode
from operators.features import FeaturesFunction, FeaturesOptions
from sinks.redis_sink import RedisSink


class CrashesAfterWriting(FeaturesFunction):
    """Raises in the middle of a batch, when Redis has its rows and Flink not yet the state; five times.

    It does so for users: where two operators fail at once, Flink tells of one failure. An attempt that goes
    on to write after it has failed leaves a file that says so.
    """

    def __init__(self, options: FeaturesOptions, folder: Path) -> None:
        super().__init__(options)
        self._folder = folder

    def sink(self) -> RedisSink:
        sink, folder, devices = super().sink(), self._folder, self._options.shard.devices
        write, calls, crashed = sink.write, 0, False

        def write_and_crash(rows: Any, life: int, put: Any = None, stamp: Any = None) -> Any:
            nonlocal calls, crashed
            if crashed:
                (folder / "went-on").touch()
            report, calls = write(rows, life, put, stamp), calls + 1
            crashes = len(list(folder.glob("crash-*")))
            if rows and calls > 20 and crashes < 5 and not devices:
                (folder / f"crash-{crashes}").touch()
                crashed = True
                msg = "the crash that the test asked for"
                raise RuntimeError(msg)
            return report

        sink.write = write_and_crash  # type: ignore[method-assign]
        return sink


class CrashesAtMoves(FeaturesFunction):
    """Raises where the state of a device is between its bucket and its user's; once in each of `AMID`."""

    AMID = ("given away", "received", "received and written")

    def __init__(self, options: FeaturesOptions, folder: Path) -> None:
        super().__init__(options)
        self._folder = folder

    def sink(self) -> RedisSink:
        sink = super().sink()
        write = sink.write

        def write_and_crash(rows: Any, life: int, put: Any = None, stamp: Any = None) -> Any:
            # With users, only what has just been received gives rows that point to one.
            arrived = not self._options.shard.devices and any(row.same_as for row in rows)
            self._crash("received", true=arrived)
            report = write(rows, life, put, stamp)
            self._crash("received and written", true=arrived)
            return report

        sink.write = write_and_crash  # type: ignore[method-assign]
        return sink

    def _given(self, letters: list[str]) -> Sequence[Any]:
        given = super()._given(letters)
        handed = [decode(row[1]) for _, row in given[len(letters) :]]
        self._crash("given away", true=any(batch.moves for batch in handed))
        return given

    def _crash(self, amid: str, *, true: bool) -> None:
        crashes = len(list(self._folder.glob("crash-*")))
        if true and crashes < len(self.AMID) and self.AMID[crashes] == amid:
            (self._folder / f"crash-{crashes}").touch()
            msg = f"the crash that the test asked for: {amid}"
            raise RuntimeError(msg)


class FailsOnOneEvent(FeaturesFunction):
    """Its logic has a defect that shows at the event with a certain id."""

    def logic(self) -> Any:
        logic = super().logic()
        apply = logic.apply

        def apply_or_fail(state: Any, event: Any, as_of: int) -> Any:
            verdict = apply(state, event, as_of)
            if event.event_id == "the-defect":
                raise ZeroDivisionError
            return verdict

        logic.apply = apply_or_fail  # type: ignore[method-assign]
        return logic


def another_query() -> None:
    """What a release with another query would do: other state, under other uids."""
    microbatch.QUERY = microbatch.QUERY.replace("MAX(kafka_time)", "LAST_VALUE(kafka_time)")  # type: ignore[misc]


def main() -> None:
    config = configured()
    features: Any = FailsOnOneEvent
    if os.environ["SHOPPER_TEST_FAULT"] == "another-query":
        another_query()
        features = FeaturesFunction
    crashing = {"crash": CrashesAfterWriting, "crash-at-moves": CrashesAtMoves}
    if kind := crashing.get(os.environ["SHOPPER_TEST_FAULT"]):
        folder = Path(config.checkpoint_dir.removeprefix("file://")).parent
        features = partial(kind, folder=folder)
    env = environment(config)
    build(env, config, features)
    env.execute_async(config.job_name)


if __name__ == "__main__":
    main()
