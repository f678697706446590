"""What a run came to, as a table and as a verdict."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from tests.faults.poller import Findings

SHOWN = 12


@dataclass
class Outcome:
    """One fault, once."""

    fault: str
    round: int
    recovered_s: float
    """From the kill to the first value, in every bucket, of a record that was sent after it."""
    settled_s: float
    """From the last record sent to the accounting that has them all."""
    records: int
    """Accounted for so far."""
    keys: int
    values: int
    wrong: list[str]
    lost: list[str] = field(default_factory=list)
    """What does not add up."""


@dataclass
class Report:
    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    logins: int = 0
    """Devices that got a user just when a fault struck."""
    snapshots: int = 0
    torn: list[str] = field(default_factory=list)
    """Rows that the poller read and that no prefix of their shopper's records explains."""
    took_s: float = 0.0

    @property
    def failed(self) -> bool:
        wrong = any(outcome.wrong or outcome.lost for outcome in self.outcomes)
        return wrong or bool(self.findings.violations) or bool(self.torn)

    def lines(self) -> Iterator[str]:
        """The table, then every fault's times, then what the poller saw, then what is wrong."""
        yield f"seed {self.seed}, {len(self.outcomes)} faults, {self.took_s:.0f} s"
        yield f"{'fault':36} round recovered  settled  records    keys  wrong"
        for each in self.outcomes:
            yield (
                f"{each.fault:36} {each.round:5} {each.recovered_s:7.1f} s {each.settled_s:6.1f} s "
                f"{each.records:8} {each.keys:7} {len(each.wrong) + len(each.lost):6}"
            )
        yield from self._recovery()
        yield f"{self.logins} devices got a user just when a fault struck"
        yield f"the poller read {self.findings.reads} hashes; {self.snapshots} of them went to the oracle"
        for what, number in sorted(self.findings.during_replay.items()):
            yield f"  {what}: {number} times while a replay caught up or Redis was being repaired"
        yield from self._wrong()

    def _recovery(self) -> Iterator[str]:
        times: dict[str, list[float]] = defaultdict(list)
        for each in self.outcomes:
            times[each.fault].append(each.recovered_s)
        yield f"{'recovery':36} {'runs':>5} {'p50':>9} {'max':>8}"
        for name, seconds in times.items():
            yield f"{name:36} {len(seconds):5} {median(seconds):7.1f} s {max(seconds):6.1f} s"

    def _wrong(self) -> Iterator[str]:
        for each in self.outcomes:
            for text in (each.lost + each.wrong)[:SHOWN]:
                yield f"WRONG after {each.fault!r}, round {each.round}: {text}"
        for what, number in sorted(self.findings.violations.items()):
            yield f"WRONG {what}: {number} times"
        for text in self.findings.examples[:SHOWN]:
            yield f"WRONG {text}"
        for text in self.torn[:SHOWN]:
            yield f"WRONG as it was read: {text}"
