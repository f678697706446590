"""The application: routes, and what every request passes on its way to them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from serving.api import changes, features, operations, problems
from serving.api.description import described
from serving.api.guard import Guard
from serving.api.metrics import Counting
from serving.api.serving import Serving
from serving.api.statuses import StatusSource
from serving.api.terms import Terms
from serving.api.tokens import Tokens
from shopper_reader import AsyncFeatures, Catalogue


def _same(shopper: str) -> str:
    return shopper


def create_app(
    connect: Callable[[], AsyncFeatures],
    catalogue: Catalogue,
    status: StatusSource,
    terms: Terms | None = None,
    *,
    stored_id: Callable[[str], str] = _same,
    extra: Sequence[BaseRoute] = (),
    open_paths: Sequence[str] = (),
) -> FastAPI:
    """Make the application.

    Args:
        connect: makes the reader; called in the event loop, at the first request.
        catalogue: what the reader knows.
        status: tells how the job does.
        terms: who may ask, how often, how much.
        stored_id: gives the id by which a shopper is kept.
        extra: more routes, such as the live page's; they find all of the above by `serving_of(request)`.
        open_paths: paths that need no token; `/static/*` is all that is below.

    Raises:
        TermsError: if the terms cannot be kept, such as a file of tokens that cannot be read.
    """
    terms = terms or Terms()
    tokens = Tokens(terms.tokens, terms.tokens_file)
    serving = Serving(connect, catalogue, status, terms, stored_id)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await serving.close()

    app = FastAPI(
        title="shopper-features",
        summary="Live features of shoppers",
        version="1",
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(Counting, metrics=serving.metrics),
            *_cors(serving.terms),
            Middleware(Guard, terms=serving.terms, tokens=tokens, open_paths=open_paths),
        ],
        redirect_slashes=False,  # an id may end in a slash
    )
    app.state.serving = serving
    problems.install(app)
    app.include_router(features.router)
    app.include_router(changes.router)
    app.include_router(operations.router)
    app.router.routes.extend(extra)
    app.openapi = described(app, serving, guarded=tokens.wanted)  # type: ignore[method-assign]
    return app


def _cors(terms: Terms) -> list[Middleware]:
    if not terms.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(terms.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "Last-Event-ID"],
            expose_headers=["Age", "ETag", "Retry-After"],
        )
    ]
