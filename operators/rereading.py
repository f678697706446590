"""After a migration: records that may have been accounted for already go one by one, and say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec.structs import replace as replace_in

from operators.batch import Forgetting, Record, decode, encode
from operators.joining import decode_asking, decode_waiting
from operators.joining import encode as encode_joining
from operators.routed import CATALOGUE, COMPLETING, Routed
from operators.routing import Router
from operators.settled import Settled

AGAIN: Final = "again:"
"""Begins the names of calls: an earlier one of the same record may still wait."""


@dataclass(frozen=True)
class Rereading:
    """A router in front of which some records were read before.

    A job that changes its query reads again from a place that may lie before what its state has. Records
    below `again` (by partition) come as batches of one, which a bucket that has them passes by; all others as
    ever.

    A login among them goes by way of its device, though it be settled by now: where it did so before, it may
    still wait there, and its user's bucket does not have it yet.
    """

    router: Router
    again: Mapping[int, int]
    _one_by_one: Router = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the router of what is read again."""
        object.__setattr__(self, "_one_by_one", replace(self.router, settled=Settled(0)))

    def route(
        self,
        partitions: Sequence[int],
        offsets: Sequence[int],
        raws: Sequence[bytes],
        newest: int,
        at: int,
        times: Sequence[int | None] = (),
    ) -> list[Routed]:
        """Route the records of one call, as `Router.route`."""
        routed: list[Routed] = []
        fresh: list[int] = []
        for number, (partition, offset) in enumerate(zip(partitions, offsets, strict=True)):
            if offset >= self.again.get(partition, 0):
                fresh.append(number)
                continue
            one = slice(number, number + 1)
            again = self._one_by_one.route(partitions[one], offsets[one], raws[one], newest, at, times[one])
            routed += map(_marked, again)
        if fresh:
            routed += self.router.route(
                [partitions[i] for i in fresh],
                [offsets[i] for i in fresh],
                [raws[i] for i in fresh],
                newest,
                at,
                [times[i] for i in fresh] if times else (),
            )
        return routed

    def onward(self, step: Record | Forgetting, newest: int, at: int) -> list[Routed]:
        """Route what waited and is read again, as `Router.onward`."""
        return [*map(_marked, self._one_by_one.onward(0, [step], newest, at))]


def _marked(routed: Routed) -> Routed:
    if routed.host == CATALOGUE:
        ask = decode_asking(routed.payload)
        return routed._replace(payload=encode_joining(replace_in(ask, call=f"{AGAIN}{ask.call}")))
    if routed.host == COMPLETING:
        hold = decode_waiting(routed.payload)
        again = replace_in(hold, again=True, call=f"{AGAIN}{hold.call}")
        return routed._replace(payload=encode_joining(again))
    batch = decode(routed.payload)
    batch.again = True
    return routed._replace(payload=encode(batch))
