"""What the present code and settings say of a record, in words. Pure: the clock is an argument."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from events.decoder import Decoder
from events.event import Event
from events.fields import FIELDS
from events.sources.decoder import SourceDecoder
from events.sources.reader import Position
from events.verdict import Dead, Filtered, Reason, Verdict
from features.logic import ShopperLogic
from features.state import FUTURE_MS
from jobs.durations import span
from jobs.settings import Settings
from sinks.dead_letters import bug_of

LEFT_OUT: Final = {
    "app_id": "its app_id is none of `app_ids`; change that setting if the shop wants it",
    "robot": "it comes from a robot, and `exclude_robots` is on",
    "no_shopper_id": "it names no shopper (user_id, domain_userid, client_session.userId)",
}


@dataclass(frozen=True)
class Judgement:
    """What would become of a record that came now."""

    accepted: bool
    """Whether it would change a feature, or be found a duplicate of one that did."""
    words: str
    reasons: tuple[Reason, ...] = ()


class Judge:
    """Judges records as the job would, each on the state of a shopper who was never seen."""

    def __init__(self, settings: Settings) -> None:
        """Take the decoder and the features from the settings."""
        self._decoder: Decoder = settings.decoder()
        shop = self._decoder
        self._sources = {
            source.topic: SourceDecoder(source, shop.app_ids, shop.exclude_robots, shop.search, shop.id_key)
            for source in settings.declared
        }
        self._logic = ShopperLogic(definitions=settings.definitions())

    def judge(self, raw: bytes, now: int, topic: str = "") -> Judgement:
        """Judge a record of the topic, by default Snowplow's, as if it came at `now` (epoch ms)."""
        source = self._sources.get(topic)
        decode = self._decoder.decode
        verdict: Verdict = source.decode(raw, Position(topic, 0, 0, now)) if source else decode(raw)
        if isinstance(verdict, Dead):
            count = "1 reason" if len(verdict.reasons) == 1 else f"{len(verdict.reasons)} reasons"
            return Judgement(False, f"dead, for {count}", verdict.reasons)
        if isinstance(verdict, Filtered):
            said = LEFT_OUT.get(verdict.reason, verdict.reason)
            return Judgement(False, f"left out on purpose: {said}")
        if isinstance(verdict, Event):
            return self._event(verdict, now)
        return Judgement(True, "accepted: a control record, by which a shopper is forgotten")

    def _event(self, event: Event, now: int) -> Judgement:
        logic, when = self._logic, f"{datetime.fromtimestamp(event.at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
        state = logic.zero()
        try:
            verdict = logic.apply(state, event, now)
            logic.rows(state, event.shopper)
            logic.dump(state)
        except Exception as error:  # noqa: BLE001 - that there is a defect is what is to be told
            bug = bug_of(error)
            return Judgement(False, f"dead, by a defect in our code: {bug.exception} at {bug.place}")
        what = f"{event.kind} of {when}"
        if verdict == "future":
            wait = span(event.at - now - FUTURE_MS)
            said = f"dead: {what} is more than two minutes ahead of the clock; accepted in {wait}"
            return Judgement(False, said)
        if verdict == "late":
            return Judgement(False, f"late: {what} is older than every window and session that is kept")
        return Judgement(True, f"accepted: {what}")


def way_out(reason: Reason, wire_format: str = "") -> str:
    """What somebody can do about one reason.

    >>> way_out(Reason("contexts.product[0].price", "x", "a number"), "tsv")
    'repair it (field 53 of the 131) and replay the record'
    >>> way_out(Reason("record", "3 fields", "131 fields"))
    'no whole enriched event: does something else write here, or is `wire_format` another?'
    """
    if reason.field == "record":
        if "131" in reason.expected:
            return "no whole enriched event: does something else write here, or is `wire_format` another?"
        if "JSON" in reason.expected:
            return "cut off or no JSON: look at its bytes, and at what sends it"
        return "no event of a known format: does something else write to the topic?"
    if reason.field == "event_time":
        return "a wrong clock, of the tracker or of the job's machine; replay it when its time has come"
    if reason.expected.startswith("at most"):
        return "longer than any tracker makes: shorten it, or leave the record away"
    root = reason.field.partition(".")[0].partition("[")[0]
    where = f" (field {FIELDS.index(root) + 1} of the {len(FIELDS)})" if root in FIELDS else ""
    return f"repair it{where if wire_format == 'tsv' else ''} and replay the record"
