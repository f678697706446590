"""What is asked by those who run it: whether it lives, what it counts, what it knows, how the job does."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from serving.api.serving import Served

router = APIRouter()


@router.get("/healthz", summary="Whether the server lives", tags=["operations"])
async def healthz() -> dict[str, Any]:
    """Says so without asking anybody."""
    return {"alive": True}


@router.get("/metrics", summary="Counters for Prometheus", tags=["operations"])
async def metrics(serving: Served) -> Response:
    """Text in Prometheus' format."""
    return Response(generate_latest(serving.metrics.registry), media_type=CONTENT_TYPE_LATEST)
