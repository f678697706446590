"""`shopper serve`: the HTTP API."""

import logging
import socket
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from fastapi import FastAPI

from jobs.cli.flags import API, KAFKA, MEANING, with_settings
from jobs.cli.outcome import CommandError, NotFoundError
from jobs.cli.status import look_at
from jobs.page.live import LivePage
from jobs.page.outlet import Outlet
from jobs.settings import Loaded, Settings
from serving.api.application import create_app
from serving.api.problems import NoJobError, StatusError
from serving.api.server import ApiServer, listen
from serving.api.terms import HERE, Terms, TermsError
from serving.page.routes import OPEN_PATHS, page_routes
from serving.reading import async_reader_of, catalogue_of
from shopper_reader import AsyncFeatures, Limits


@with_settings(*API, "redis_url", "redis_prefix", "job_name", "hash_ids", *KAFKA, *MEANING)
def serve(
    loaded: Loaded,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each request.")] = False,
) -> None:
    """Serve the HTTP API until Ctrl-C: features of shoppers, streams of changes, the job's status.

    It listens on this machine's own address; on another it wants tokens. It starts without Redis, too:
    /readyz says whether features can be read.

    Examples:
        shopper serve

        curl http://127.0.0.1:8321/v1/shoppers/customer-000042/features

        openssl rand -hex 32 > tokens && shopper serve --api-host 0.0.0.0 --api-tokens-file tokens
    """
    settings = loaded.settings
    terms = terms_of(settings)
    outlet = Outlet(settings) if settings.api_page_acts else None
    page = LivePage(settings, outlet.send if outlet else None) if settings.api_page else None
    try:
        app = application(settings, terms, page)
    except TermsError as error:
        raise CommandError(str(error)) from None
    server = ApiServer(app, trusted_proxies=settings.api_trusted_proxies)
    taken = take(settings.api_host, settings.api_port)
    shown = ", and the live page" if page else ""
    typer.echo(f"the API answers at {place_of(taken)}; /openapi.json describes it{shown}", err=True)
    _log(quiet=quiet)
    server.run([taken])
    for each in (page, outlet):
        if each is not None:
            each.close()
    typer.echo("the API has ended", err=True)


def application(settings: Settings, terms: Terms, page: LivePage | None = None) -> FastAPI:
    """The API over the servers that the settings name, with the live page if there is one.

    Raises:
        TermsError: if the terms cannot be kept.
    """
    catalogue = catalogue_of(settings.definitions())

    def connect() -> AsyncFeatures:
        waits_s = settings.api_timeout_ms / 1000
        limits = Limits(timeout_s=waits_s, connect_timeout_s=waits_s)
        return async_reader_of(
            settings.redis_url, catalogue, settings.redis_prefix, settings.job_name, limits
        )

    def status(*, lag: bool) -> Mapping[str, Any]:
        try:
            return look_at(settings, with_kafka=lag).as_json()
        except NotFoundError as error:
            raise NoJobError(str(error)) from None
        except CommandError as error:
            # What follows in the next line is for those who have a command line.
            said = str(error).partition("\n")[0]
            raise StatusError(f"{said} Without lag=true only Redis is asked" if lag else said) from None

    return create_app(
        connect,
        catalogue,
        status,
        terms,
        stored_id=settings.decoder().id_of,
        extra=page_routes(page) if page else (),
        open_paths=OPEN_PATHS if page else (),
    )


def _log(*, quiet: bool) -> None:
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    # Kafka's client tells every attempt; what came of them is in the answer.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    logging.getLogger("shopper.api").setLevel(logging.WARNING if quiet else logging.INFO)


def terms_of(settings: Settings) -> Terms:
    """On what terms the API serves.

    Raises:
        CommandError: if it would be open to others without a token.
    """
    tokens = tuple(token.get_secret_value() for token in settings.api_tokens)
    guarded = bool(tokens or settings.api_tokens_file)
    here = settings.api_host in HERE
    if not (here or guarded or settings.api_open):
        msg = (
            f"api_host is {settings.api_host}: others could read every shopper's features there. Set a token "
            "(SHOPPER_API_TOKENS, or --api-tokens-file), or --api-open to let everyone in"
        )
        raise CommandError(msg)
    return Terms(
        tokens=tokens,
        tokens_file=settings.api_tokens_file,
        rate=settings.api_rate,
        cors_origins=settings.api_cors_origins,
        hosts=HERE if here else frozenset(),
        batch_most=settings.api_batch_most,
        streams_most=settings.api_streams_most,
        poll_s=settings.api_poll_ms / 1000,
    )


def take(host: str, port: int) -> socket.socket:
    """Take the port.

    Raises:
        CommandError: if that cannot be.
    """
    try:
        return listen(host, port)
    except OSError as error:
        msg = (
            f"cannot listen on {host}:{port}: {error.strerror or error}. Is another `shopper serve` running? "
            "--api-port takes another port, 0 any that is free"
        )
        raise CommandError(msg) from None


def place_of(taken: socket.socket) -> str:
    """The URL of a socket that listens."""
    host, port = taken.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
