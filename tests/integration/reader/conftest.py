"""A Redis that the real writer fills, and readers of both kinds behind one face."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from shopper_reader import AsyncFeatures, Features


class Awaited:
    """`AsyncFeatures` as if it were `Features`, so that one test serves both."""

    def __init__(self, loop: asyncio.AbstractEventLoop, url: str, settings: dict[str, Any]) -> None:
        self._loop = loop

        async def connect() -> AsyncFeatures:
            return AsyncFeatures.connect(url, **settings)

        self._features = loop.run_until_complete(connect())

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._features, name)
        return lambda *given, **named: self._loop.run_until_complete(method(*given, **named))


@pytest.fixture(params=["threads", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Connects readers that are closed after the test."""
    opened: list[Any] = []
    with asyncio.Runner() as runner:

        def make(url: str, **settings: Any) -> Any:
            if request.param == "threads":
                opened.append(Features.connect(url, **settings))
            else:
                opened.append(Awaited(runner.get_loop(), url, settings))
            return opened[-1]

        yield make
        while opened:
            opened.pop().close()
