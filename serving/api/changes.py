"""One shopper's features as server-sent events: first all of them, then what changes."""

from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from serving.api.features import REFUSED, PathId, answers, check_path, count, names
from serving.api.models import Choice
from serving.api.problems import ProblemError, document_of, of_reader
from serving.api.serving import Served, Serving
from serving.api.streaming import StreamResponse
from serving.api.told import as_json, row_of
from shopper_reader import ReaderError, Shopper

router = APIRouter(prefix="/v1", tags=["features"])

AGAIN_MS: Final = 2_000
"""So long a browser waits before it connects again."""
SEND_S: Final = 30.0
"""A caller who takes nothing for so long is let go."""

EVENT: Final = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["features", "change", "unavailable", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"type": "string"},
        "retry": {"type": "integer"},
    },
}
"""One event, for OpenAPI."""
Said = tuple[str, str | None]
"""The verdict, and the user whose row it is if that is another than was asked for."""
State = Mapping[str, tuple[Said, dict[str, Any]]]
"""By window: what is said of the row, and the values that do not depend on the moment of reading."""


@router.get(
    "/shoppers/{shopper:any_text}/changes",
    summary="One shopper's features as they change",
    response_class=EventSourceResponse,
    responses=answers(*REFUSED, 502, 503)
    | {
        200: {
            "description": "`features`: everything, as /features tells it; `change`: by window the verdict, "
            "its times, `same_as`, `changed` values and those that are `gone`; `unavailable`: a problem "
            "document, until `features` comes again; `end`: the server stops.",
            "content": {"text/event-stream": {"schema": EVENT}},
        }
    },
)
async def changes_of(
    shopper: PathId,
    choice: Annotated[Choice, Query()],
    serving: Served,
    request: Request,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="What a browser sends when it connects again.")
    ] = None,
) -> StreamResponse:
    """Server-sent events. An event's id names the values: a caller who has them already gets only changes.

    Features of the time of reading (`session_idle_ms`) come with what changes, and are no change themselves.
    """
    check_path(request)
    found = await serving.read(
        [shopper], names("windows", choice.windows), names("features", choice.features)
    )
    if serving.streams >= serving.terms.streams_most:
        detail = f"{serving.streams} streams are open, as many as api_streams_most allows; try again later"
        raise ProblemError(503, "too-many-streams", detail, {"Retry-After": "10"})
    count(serving, found.values())
    story = Story(shopper, found[shopper], choice.features is None, serving)
    return StreamResponse(
        story.events(last_event_id or ""),
        serving.count_streams,
        ping=serving.terms.heartbeat_s,
        send_timeout=SEND_S,
    )


class Story:
    """What one stream tells."""

    def __init__(self, shopper: str, first: Shopper, everything: bool, serving: Serving) -> None:
        """Begin with the rows that were read first: they say what was asked for."""
        self._shopper = shopper
        self._first = first
        self._asked = {window: None if everything else row.names for window, row in first.items()}
        self._serving = serving
        self._told: State = {}

    async def events(self, has: str) -> AsyncIterator[ServerSentEvent]:
        """Everything, unless the caller `has` it; then changes, until the server ends."""
        rows = self._selected(self._first)
        self._told = self._state(rows)
        if has != self._id:
            yield self._event("features", {"shopper": self._shopper, "windows": rows}, retry=AGAIN_MS)
        with self._serving.watch.following(self._shopper):
            lost = False
            while (look := await self._serving.watch.look()) is not None:
                if isinstance(look, ReaderError):
                    if not lost:
                        problem = of_reader(look)
                        yield self._event(
                            "unavailable", document_of(problem.status, problem.kind, problem.detail)
                        )
                    lost = True
                elif self._shopper in look:
                    rows = self._selected(look[self._shopper])
                    event = self._again(rows) if lost else self._changed(rows)
                    lost = False
                    if event is not None:
                        yield event
        yield self._event("end", {"why": "the server stops; connect again"})

    @property
    def _id(self) -> str:
        return blake2b(as_json(self._told), digest_size=12).hexdigest()

    def _event(self, kind: str, data: Any, retry: int | None = None) -> ServerSentEvent:
        self._serving.metrics.sent.labels(kind).inc()
        named = self._id if kind in ("features", "change") else None
        return ServerSentEvent(as_json(data).decode(), event=kind, id=named, retry=retry)

    def _selected(self, rows: Shopper) -> dict[str, dict[str, Any]]:
        return {window: row_of(rows[window], asked) for window, asked in self._asked.items()}

    def _state(self, rows: Mapping[str, dict[str, Any]]) -> State:
        clocks = self._serving.clocks
        return {
            window: (
                (row["verdict"], row["same_as"]),
                {name: v for name, v in sorted(row["features"].items()) if name not in clocks[window]},
            )
            for window, row in rows.items()
        }

    def _again(self, rows: dict[str, dict[str, Any]]) -> ServerSentEvent:
        self._told = self._state(rows)
        return self._event("features", {"shopper": self._shopper, "windows": rows})

    def _changed(self, rows: dict[str, dict[str, Any]]) -> ServerSentEvent | None:
        before, self._told = self._told, self._state(rows)
        windows = {}
        for window, (said, values) in self._told.items():
            said_before, values_before = before[window]
            if (said, values) == (said_before, values_before):
                continue
            row = dict(rows[window])
            shown = row.pop("features")
            row["changed"] = {
                name: value
                for name, value in shown.items()
                if name not in values or values_before.get(name) != value
            }
            row["gone"] = sorted(values_before.keys() - values.keys())
            windows[window] = row
        if not windows:
            return None
        return self._event("change", {"shopper": self._shopper, "windows": windows})
