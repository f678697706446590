"""The OpenAPI document: what FastAPI makes of the routes, with what only this installation knows."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from serving.api.guard import PROBES
from serving.api.problems import Problem
from serving.api.serving import Serving
from shopper_reader.specs import specs_of

_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = """\
Live features of shoppers, read from Redis. Every row comes with a verdict on whether its values hold:
FRESH, STALE, PARTIAL or MISSING. What is wrong is told as a problem document (RFC 9457). What each feature
means is in `/v1/catalogue`.
"""


def described(app: FastAPI, serving: Serving, *, guarded: bool) -> Callable[[], dict[str, Any]]:
    """Gives the document, which is made once."""
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(_document(app, serving, guarded))
        return made

    return document


def _document(app: FastAPI, serving: Serving, guarded: bool) -> dict[str, Any]:
    made = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=_ABOUT, routes=app.routes
    )
    schemas = made["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template=_REF)
    schemas |= problem.pop("$defs", {}) | {Problem.__name__: problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    labels = serving.catalogue.labels
    known = {
        "windows": list(labels),
        "features": sorted({name for label in labels for name in specs_of(serving.catalogue, label)}),
    }
    asked = schemas["Asked"]["properties"]
    asked["shoppers"]["maxItems"] = serving.terms.batch_most
    places = [asked]
    for path, methods in made["paths"].items():
        for route in methods.values():
            places.append({each["name"]: each["schema"] for each in route.get("parameters", ())})
            if guarded and path not in PROBES:
                route["security"] = [{"token": []}]
    for place in places:
        for name, values in known.items():
            _only(place.get(name, {}), values)
    if guarded:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


def _only(schema: dict[str, Any], values: list[str]) -> None:
    """Name the values that a list may hold; a list that is there holds one at least."""
    for each in (schema, *schema.get("anyOf", ())):
        if each.get("type") == "array":
            each["items"] = {"type": "string", "enum": values}
            each["minItems"] = 1
