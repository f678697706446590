"""What is asked by those who run it: whether it lives, what it counts, what it knows, how the job does."""

from dataclasses import asdict
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from serving.api.features import REFUSED, answers, matches
from serving.api.problems import NoJobError, ProblemError, StatusError
from serving.api.serving import Served
from serving.api.told import as_json
from shopper_reader import ReaderError
from shopper_reader.specs import at_reading

router = APIRouter(tags=["operations"])


class Alive(BaseModel):
    """The server lives."""

    alive: bool


class Ready(BaseModel):
    """Features can be read."""

    ready: bool


class WindowTold(BaseModel):
    """A rolling window: the last `size_ms`, in panes of `pane_ms`."""

    label: str
    size_ms: int
    pane_ms: int


class FeatureTold(BaseModel):
    """One feature, in each of `windows`."""

    name: str
    branch: str
    view: str
    windows: list[str]
    type: str = Field(description="int, float, bool, str, list, ms, s or money.")
    unit: str
    doc: str


class CatalogueTold(BaseModel):
    """What there is to ask for; `shopper_reader.Catalogue.of` reads it."""

    windows: list[WindowTold]
    session_gap_ms: int
    features: list[FeatureTold]
    at_reading: list[FeatureTold] = Field(description="Features that are computed when they are read.")


class StatusTold(BaseModel):
    """How the job does, as `shopper status --json` tells it. Times are epoch milliseconds."""

    model_config = ConfigDict(extra="allow")

    job: str
    topology: str
    healthy: bool
    problems: list[str] = Field(description="What is wrong, each with the way out.")
    remarks: list[str]
    now: int
    at: int = Field(description="When the job last reported.")
    adds_up: bool = Field(description="Whether every record read has a verdict.")
    counts: dict[str, int]
    branches: dict[str, dict[str, int]]
    partitions: dict[str, dict[str, int]] = Field(description="How far it is behind Kafka, with `lag=true`.")


class StatusAsked(BaseModel):
    """How much of it."""

    model_config = ConfigDict(extra="forbid")

    lag: bool = Field(False, description="Ask Kafka, too, how far the job is behind; takes longer.")


@router.get("/healthz", summary="Whether the server lives")
async def healthz() -> Alive:
    """Says so without asking anybody."""
    return Alive(alive=True)


@router.get("/readyz", summary="Whether features can be read", response_model=Ready, responses=answers(503))
async def readyz(serving: Served) -> Ready:
    """Asks Redis. Without a token the reason is not told; the server's log has it."""
    try:
        await serving.read(())
    except ReaderError:
        detail = "Redis does not answer the API; its log says why"
        raise ProblemError(503, "redis-unavailable", detail, {"Retry-After": "1"}) from None
    return Ready(ready=True)


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=Response,
    responses=answers(401, 403, 429) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(serving: Served) -> Response:
    """Text in Prometheus' format."""
    return Response(generate_latest(serving.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/v1/catalogue",
    summary="What there is to ask for",
    response_model=CatalogueTold,
    responses=answers(304, 401, 403, 429),
)
async def catalogue(serving: Served, request: Request) -> Response:
    """Windows and features with their types, units and meaning; the same until the server starts anew."""
    known = serving.catalogue
    data = asdict(known) | {
        "at_reading": [asdict(feature) for label in known.labels for feature in at_reading(known, label)]
    }
    body = as_json(data)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if matches(request.headers.get("If-None-Match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@router.get(
    "/v1/status",
    summary="How the job does",
    response_model=StatusTold,
    responses=answers(*REFUSED, 404, 503),
)
async def status(asked: Annotated[StatusAsked, Query()], serving: Served) -> Response:
    """Where every record read went, what each branch used, what is wrong. Told anew once a second."""
    try:
        told = await serving.statuses.tell(lag=asked.lag)
    except NoJobError as error:
        raise ProblemError(404, "no-job", str(error)) from None
    except StatusError as error:
        raise ProblemError(503, "status-unavailable", str(error), {"Retry-After": "5"}) from None
    return Response(as_json(told), headers={"Cache-Control": "no-store"}, media_type="application/json")
