"""Shoppers' features: one, or many at once."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import unquote_to_bytes

from fastapi import APIRouter, Path, Query, Request
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from serving.api.models import LONGEST_ID, Asked, Choice, ShoppersTold, ShopperTold
from serving.api.problems import MEDIA_TYPE, Problem, ProblemError
from serving.api.serving import Served, Serving
from serving.api.told import as_json, shopper_of, version_of
from shopper_reader import Shopper

router = APIRouter(prefix="/v1", tags=["features"])


class AnyText(Convertor[str]):
    """An id in a path: slashes and line breaks are characters like others."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The id as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The id as it is."""
        return value


register_url_convertor("any_text", AnyText())

PathId = Annotated[
    str,
    Path(
        min_length=1,
        max_length=LONGEST_ID,
        description="The `user_id`, else the device's own id; percent-encoded, so that `a/b` is `a%2Fb`.",
        examples=["ann"],
    ),
]


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for OpenAPI."""
    says = {
        304: "What `If-None-Match` names is what would be told.",
        401: "No token, or none that is known.",
        403: "Asked under a foreign name, or from a foreign page.",
        404: "No job of this name has told anything.",
        413: "The body, or what is asked for, is too large.",
        422: "Something asked for cannot be.",
        429: "Asked too often; `Retry-After` says when to ask again.",
        502: "Redis answered what is no row.",
        503: "Redis, or Kafka, does not answer; `Retry-After` says when to ask again.",
    }
    schema = {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}
    found: dict[int | str, dict[str, Any]] = {status: {"description": says[status]} for status in statuses}
    for status in statuses:
        if status >= HTTPStatus.BAD_REQUEST:
            found[status]["content"] = {MEDIA_TYPE: schema}
    return found


REFUSED: Final = (401, 403, 422, 429)


@router.get(
    "/shoppers/{shopper:any_text}/features",
    summary="One shopper's features",
    response_model=ShopperTold,
    responses=answers(304, *REFUSED, 502, 503),
)
async def features_of(
    shopper: PathId, choice: Annotated[Choice, Query()], serving: Served, request: Request
) -> Response:
    """The values of every window, each with its verdict and its age, in one round trip to Redis.

    Of a device whose user has logged in they are the user's, as `same_as` says, in one round trip more. A
    shopper who is not known has the verdict MISSING in every window, and is no error.
    """
    check_path(request)
    found = await serving.read(
        [shopper], names("windows", choice.windows), names("features", choice.features)
    )
    rows = found[shopper]
    count(serving, [rows])
    # Weak: `now`, ages and features of the time of reading go on while the row stays the same.
    tag = f'W/"{version_of(rows)}"'
    headers = freshness([rows]) | {"ETag": tag}
    if matches(request.headers.get("If-None-Match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(as_json(shopper_of(shopper, rows)), headers=headers, media_type="application/json")


@router.post(
    "/features",
    summary="Many shoppers' features",
    response_model=ShoppersTold,
    responses=answers(*REFUSED, 413, 502, 503),
)
async def features_of_many(asked: Asked, serving: Served) -> Response:
    """As for one shopper, for all of them in one round trip to Redis (to each node of a cluster)."""
    most = serving.terms.batch_most
    if len(asked.shoppers) > most:
        detail = (
            f"body.shoppers holds {len(asked.shoppers)} ids, at most {most} are read at once; "
            "ask in several requests, or raise api_batch_most"
        )
        raise ProblemError(422, "too-many-shoppers", detail)
    found = await serving.read(
        asked.shoppers, names("windows", asked.windows), names("features", asked.features)
    )
    count(serving, found.values())
    data = {"shoppers": [shopper_of(shopper, rows) for shopper, rows in found.items()]}
    return Response(as_json(data), headers=freshness(found.values()), media_type="application/json")


def names(what: str, given: list[str] | None) -> tuple[str, ...] | None:
    """Names that may be separated by commas, too; None: all.

    Raises:
        ProblemError: if there is none.
    """
    if given is None:
        return None
    found = tuple(name for text in given for name in text.split(",") if name)
    if not found:
        detail = f"{what} names nothing; name some, or leave it out for all"
        raise ProblemError(422, "invalid-request", detail)
    return found


def check_path(request: Request) -> None:
    """Refuse an id that is not UTF-8: servers replace its bytes, and it would become another's.

    Raises:
        ProblemError: if it is none.
    """
    raw = request.scope.get("raw_path") or b""
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        shown = raw.decode("ascii", "replace")[:200]
        detail = f"the path {shown!r} is not UTF-8; percent-encode the bytes of the id's UTF-8"
        raise ProblemError(422, "invalid-request", detail) from None


def count(serving: Serving, told: Iterable[Shopper]) -> None:
    """Count the verdicts that are told."""
    for rows in told:
        for window, row in rows.items():
            serving.metrics.rows.labels(window, row.verdict.value).inc()


def freshness(told: Iterable[Shopper]) -> dict[str, str]:
    """Headers that say how old values are, and that any event may change them at any moment."""
    ages = [row.age_ms for rows in told for row in rows.values() if row.age_ms is not None]
    aged = {"Age": str(max(0, *ages, 0) // 1000)} if ages else {}
    return {"Cache-Control": "private, no-cache"} | aged


def matches(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag; compared weakly, as RFC 9110 says."""
    opaque = tag.removeprefix("W/")
    given = (each.strip() for each in header.split(","))
    return any(each == "*" or each.removeprefix("W/") == opaque for each in given)
