"""Sends dead records back to the topic they came from: as they were, or repaired."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kafka import KafkaConsumer

from events.sides.decoder import WIRE_PREFIX
from events.verdict import Dead, Reason
from jobs.dead_letters.judgement import Judge, Judgement
from jobs.dead_letters.topic import Found, original
from jobs.durations import span
from jobs.kafka.client import producer
from jobs.settings import Settings
from sinks.dead_letters import RAW_BYTES, DeadLetter, dead_letter

_OF_A_SIDE_INPUT: Final = (
    "it is a row of a side input, and its letter does not hold the key that it needs; send the row anew from "
    "where it comes, or by `shopper side load`"
)


@dataclass(frozen=True)
class Options:
    """What is replayed all the same."""

    again: bool = False
    """What was replayed before."""
    hopeless: bool = False
    """What the job would not accept."""
    from_topic: bool = False
    """Records that a letter does not hold whole, from the topic they came from."""


@dataclass(frozen=True)
class Candidate:
    """One letter on its way back."""

    found: Found
    raw: bytes
    judgement: Judgement | None
    """None where there is no whole record to judge."""
    refusal: str = ""
    """Why it is not sent; empty where it is."""
    repaired: bool = False


@dataclass(frozen=True)
class Planner:
    """Decides what is sent."""

    settings: Settings
    judge: Judge
    options: Options
    now: int
    kafka: KafkaConsumer

    def candidate(self, found: Found, repaired: bytes | None = None) -> Candidate:
        """Decide on one letter; `repaired` is sent in its place."""
        letter = found.letter
        if letter.wire_format.startswith(WIRE_PREFIX):
            return Candidate(found, b"", None, _OF_A_SIDE_INPUT)
        raw = repaired
        try:
            if raw is None:
                raw = self._whole(letter)
        except _CutError as error:
            return Candidate(found, b"", None, str(error))
        judgement = self.judge.judge(raw, self.now, letter.topic)
        refusal = self._refusal(found, judgement)
        return Candidate(found, raw, judgement, refusal, repaired is not None)

    def _refusal(self, found: Found, judgement: Judgement) -> str:
        letter = found.letter
        if letter.topic not in self.settings.topics():
            return f"it came from topic {letter.topic}, so name that: --topic {letter.topic}, or its source"
        if found.replays and not self.options.again:
            ago = span(self.now - found.replays[0].at)
            return f"replayed {ago} ago; --again replays it once more (the same event id counts once)"
        if not judgement.accepted and not self.options.hopeless:
            return f"it would be {judgement.words}; repair it (--file), or send it as it is by --hopeless"
        return ""

    def _whole(self, letter: DeadLetter) -> bytes:
        if letter.whole and letter.raw is not None:
            return letter.raw
        place = f"{letter.topic}/{letter.partition}/{letter.offset}"
        if not self.options.from_topic:
            msg = (
                f"its letter holds the first {RAW_BYTES:,} of {letter.size:,} bytes; --from-topic reads it "
                f"from {place}, as long as Kafka keeps it"
            )
            raise _CutError(msg)
        raw = original(self.kafka, letter)
        if raw is None:
            msg = f"Kafka has {place} no more; only a repaired record can be sent: --file"
            raise _CutError(msg)
        if hashlib.sha256(raw).hexdigest() != letter.sha256:
            msg = f"what is at {place} now is another record: was the topic made anew?"
            raise _CutError(msg)
        return raw


class _CutError(Exception):
    """The whole record is not to be had."""


def send(
    settings: Settings, candidates: Iterable[Candidate], now: int, sent: Callable[[Candidate, str], None]
) -> None:
    """Send the records, each to the partition it came from, and mark their letters as replayed.

    The mark is a letter of the same id and the kind `replayed` in the dead-letter topic; letters stay. `sent`
    is told each candidate and where it went, `topic/partition/offset`.

    Raises:
        KafkaUnreachableError: if Kafka does not take them.
    """
    with producer(settings) as kafka:
        going = list(candidates)
        there = {topic: kafka.partitions_for(topic) for topic in {each.found.letter.topic for each in going}}
        for candidate, future in [
            (each, kafka.send(home, each.raw, partition=_partition(each.found.letter, there[home])))
            for each in going
            for home in (each.found.letter.topic,)
        ]:
            went = future.get(timeout=30)
            place = f"{went.topic}/{went.partition}/{went.offset}"
            mark = marker(candidate, place, now)
            kafka.send(settings.dead_letter_topic, mark, partition=candidate.found.partition)
            sent(candidate, place)


def marker(candidate: Candidate, place: str, now: int) -> bytes:
    """The letter that says of another one when it was replayed, and to where."""
    letter = candidate.found.letter
    how = "repaired" if candidate.repaired else "as it was"
    dead = Dead("", (Reason("replayed", how, place),))
    return dead_letter(b"", dead, letter.topic, letter.partition, letter.offset, now, "replayed")


def _partition(letter: DeadLetter, there: Iterable[int] | None) -> int | None:
    """The partition it came from, so that a shopper's events keep their order; any where it is no more."""
    return letter.partition if letter.partition in (there or ()) else None


def counted(candidates: Sequence[Candidate]) -> str:
    """Say how many would be accepted, are sent, and are not."""
    accepted = sum(each.judgement is not None and each.judgement.accepted for each in candidates)
    sent = sum(not each.refusal for each in candidates)
    said = "1 letter" if len(candidates) == 1 else f"{len(candidates)} letters"
    return f"{said}: {accepted} would be accepted now, {sent} to be sent, {len(candidates) - sent} not"
