"""What goes wrong, as problem documents (RFC 9457): what it is about, its value, and the way out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shopper_reader import (
    AccessError,
    AnswerError,
    AskedWronglyError,
    CircuitOpenError,
    ConnectError,
    ReaderError,
    TimedOutError,
    TransportError,
    UnknownFeatureError,
    UnknownWindowError,
)

MEDIA_TYPE: Final = "application/problem+json"
_KIND: Final = "urn:shopper-features:problem:"
_KINDS: Final = {413: "content-too-large"}
"""What Python calls otherwise, and each of its versions in its own way."""
_SHOWN: Final = 80
"""So many characters of a value are shown."""
_AGAIN_S: Final = 1


class Fault(BaseModel):
    """One part of a request that cannot be used."""

    where: str = Field(description="The part: `query.windows`.", examples=["query.windows"])
    value: str = Field(description="What was given, shortened.", examples=["10min"])
    wrong: str = Field(description="What is wrong with it.", examples=["there is no window '10min'"])


class Problem(BaseModel):
    """Why a request was not answered as asked (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": f"{_KIND}unknown-window",
                    "title": "Unknown window",
                    "status": 422,
                    "detail": "there is no window '10min'; the catalogue has 5min, 1h, 24h, session",
                }
            ]
        }
    )

    type: str = Field(description="Which problem: the same text for the same kind.")
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The status of the answer.")
    detail: str = Field(description="This case: the thing, its value, the way out.")
    errors: list[Fault] | None = Field(None, description="Every part of the request that cannot be used.")


class ProblemError(Exception):
    """Raised in a route, told to the caller."""

    def __init__(self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        """Say what is wrong: `kind` is a slug such as `too-many-streams`."""
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return problem(self.status, self.kind, self.detail, headers=self.headers)


class StatusError(Exception):
    """Raised by what tells the job's status: it cannot be told now."""


class NoJobError(StatusError):
    """No job of this name has told anything."""


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as an answer."""
    document = document_of(status, kind, detail, errors)
    own = {"Cache-Control": "no-store"} | dict(headers or {})
    return Response(orjson.dumps(document), status, own, MEDIA_TYPE)


def document_of(status: int, kind: str, detail: str, errors: Sequence[Fault] = ()) -> dict[str, Any]:
    """A problem document as plain data; what cannot be written as UTF-8 is replaced."""
    title = kind.replace("-", " ").capitalize()
    made: dict[str, Any] = {"type": _KIND + kind, "title": title, "status": status, "detail": clean(detail)}
    if errors:
        made["errors"] = [error.model_dump() for error in errors]
    return made


def of_reader(error: ReaderError) -> ProblemError:
    """What the reader raised, as a problem."""
    if isinstance(error, AskedWronglyError):
        kinds: dict[type[Exception], str] = {
            UnknownWindowError: "unknown-window",
            UnknownFeatureError: "unknown-feature",
        }
        return ProblemError(422, kinds.get(type(error), "invalid-request"), str(error))
    again = {"Retry-After": str(_AGAIN_S)}
    if isinstance(error, (TransportError, AccessError)):
        kind = "redis-refused" if isinstance(error, AccessError) else "redis-unavailable"
        return ProblemError(503, kind, _sentence(str(error)) + f" Try again in {_AGAIN_S} s", again)
    return ProblemError(502, "redis-answer", str(error))


def kind_of(error: ReaderError) -> str:
    """A label for a failure of Redis."""
    for kind, label in (
        (CircuitOpenError, "circuit_open"),
        (TimedOutError, "timeout"),
        (ConnectError, "connect"),
        (AccessError, "access"),
        (AnswerError, "answer"),
    ):
        if isinstance(error, kind):
            return label
    return "other"


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(ProblemError)
    async def _ours(_request: Request, error: ProblemError) -> Response:
        return error.response()

    @app.exception_handler(ReaderError)
    async def _reader(_request: Request, error: ReaderError) -> Response:
        return of_reader(error).response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> Response:
        faults = [_fault(details) for details in error.errors()]
        said = "; ".join(f"{fault.where} is {fault.value}: {fault.wrong}" for fault in faults[:3])
        more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""  # noqa: PLR2004
        return problem(422, "invalid-request", f"{said}{more}", errors=faults)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.BAD_REQUEST:
            detail = "body cannot be read as JSON: it must be UTF-8, and not nested too deeply"
            return problem(422, "invalid-request", detail)
        path = shortened(request.url.path)
        said = {
            404: f"there is nothing at {path}; /openapi.json lists the routes",
            405: f"{request.method} is not for {path}; allowed is {(error.headers or {}).get('Allow', '')}",
        }.get(error.status_code, str(error.detail))
        phrase = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        kind = _KINDS.get(error.status_code, phrase)
        return problem(error.status_code, kind, said, headers=error.headers)

    @app.exception_handler(Exception)
    async def _bug(_request: Request, _error: Exception) -> Response:
        return problem(500, "defect", "a defect of the API; its log says where. Please report it")


def clean(text: str) -> str:
    """`text` without what UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode()


def shortened(value: Any) -> str:
    """A value as it may be shown."""
    text = clean(value if isinstance(value, str) else repr(value))
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _fault(details: Mapping[str, Any]) -> Fault:
    where = clean(".".join(str(part) for part in details["loc"]))
    if details["type"] == "json_invalid":
        # The place is a character's number, and the value is not handed over.
        wrong = f"{details['ctx']['error']} at character {details['loc'][-1]}"
        return Fault(where="body", value="no JSON", wrong=clean(wrong))
    return Fault(
        where=where[: 2 * _SHOWN], value=shortened(details.get("input")), wrong=clean(str(details["msg"]))
    )


def _sentence(text: str) -> str:
    return text if text.endswith(("?", "!", ".")) else f"{text}."
