"""The API's parts that need no server: terms, tokens, tags, the status that is remembered, the watch."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from jobs.cli.outcome import CommandError
from jobs.cli.serve import terms_of
from jobs.settings import SettingsError, load
from serving.api.features import matches
from serving.api.problems import StatusError, kind_of, of_reader, shortened
from serving.api.statuses import Statuses
from serving.api.terms import HERE, Terms
from serving.api.tokens import Tokens
from serving.api.told import as_json
from serving.api.watching import AT_ONCE, Watch
from shopper_reader import (
    AccessError,
    AnswerError,
    CircuitOpenError,
    ConnectError,
    InvalidURLError,
    ReaderError,
    Shopper,
    TimedOutError,
    UnknownFeatureError,
)

pytestmark = pytest.mark.usefixtures("nowhere")

TOKEN = "0123456789abcdef"  # noqa: S105


@pytest.mark.parametrize(
    ("header", "same"),
    [
        ('W/"a"', True),
        ('"a"', True),
        ('"b" , W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
        ("a", False),
        ('W/"A"', False),
    ],
)
def test_a_tag_is_compared_weakly(header: str, same: bool):
    assert matches(header, 'W/"a"') is same


@pytest.mark.parametrize(
    ("error", "status", "kind", "label"),
    [
        (UnknownFeatureError("x"), 422, "unknown-feature", "other"),
        (InvalidURLError("x"), 422, "invalid-request", "other"),
        (ConnectError("x"), 503, "redis-unavailable", "connect"),
        (TimedOutError("x"), 503, "redis-unavailable", "timeout"),
        (CircuitOpenError("x"), 503, "redis-unavailable", "circuit_open"),
        (AccessError("x"), 503, "redis-refused", "access"),
        (AnswerError("x"), 502, "redis-answer", "answer"),
    ],
)
def test_every_failure_of_the_reader_is_a_problem(error: ReaderError, status: int, kind: str, label: str):
    problem = of_reader(error)
    assert (problem.status, problem.kind, kind_of(error)) == (status, kind, label)
    assert ("Retry-After" in problem.headers) is (status == 503)


def test_values_are_shown_shortened_and_as_text():
    assert shortened("x" * 1000) == repr("x" * 80 + "…")
    assert shortened("\ud800") == "'?'"
    assert shortened([1]) == "'[1]'"


def test_what_a_foreign_hand_wrote_is_json_all_the_same():
    assert as_json({"a": 2**70, "b": "\ud800"}) == b'{"a":1180591620717411303424,"b":"\\ud800"}'


def test_tokens_are_kept_as_digests_and_each_has_a_name():
    tokens = Tokens([TOKEN, TOKEN[::-1]], None)
    assert tokens.wanted
    assert tokens.known(TOKEN) not in (None, tokens.known(TOKEN[::-1]))
    assert tokens.known("") is tokens.known(TOKEN + " ") is None
    assert TOKEN not in repr(vars(tokens))
    assert not Tokens([], None).wanted


def test_a_file_of_tokens_is_looked_at_once_a_second(tmp_path: Any):
    now = 0.0
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    tokens = Tokens([], file, lambda: now)
    file.write_text(TOKEN[::-1] + "0")
    assert tokens.known(TOKEN)
    now = 1.0
    assert tokens.known(TOKEN) is None
    assert tokens.known(TOKEN[::-1] + "0")


def settings(**given: Any) -> Any:
    return load(given).settings


def test_the_api_is_this_machines_own_unless_there_is_a_token_or_it_is_said(tmp_path: Any, monkeypatch: Any):
    assert terms_of(settings()).hosts == HERE
    with pytest.raises(CommandError, match="others could read"):
        terms_of(settings(api_host="10.0.0.1"))
    assert terms_of(settings(api_host="10.0.0.1", api_open="true")).hosts == frozenset()
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    assert terms_of(settings(api_host="10.0.0.1", api_tokens_file=str(file))).tokens_file == file
    monkeypatch.setenv("SHOPPER_API_TOKENS", f"{TOKEN}, {TOKEN[::-1]}")
    terms = terms_of(settings(api_host="shop", api_poll_ms="250", api_cors_origins="https://a,https://b"))
    assert terms.tokens == (TOKEN, TOKEN[::-1])
    assert (terms.poll_s, terms.cors_origins) == (0.25, ("https://a", "https://b"))
    assert TOKEN not in repr(terms)


def test_tokens_are_masked_where_settings_are_shown(monkeypatch: Any):
    monkeypatch.setenv("SHOPPER_API_TOKENS", f"{TOKEN},{TOKEN}")
    loaded = load()
    assert loaded.shown()["api_tokens"] == "****"
    assert TOKEN not in repr(loaded.settings)
    monkeypatch.setenv("SHOPPER_API_TOKENS", f"{TOKEN},short-one")
    with pytest.raises(SettingsError, match="fewer than 16 characters") as caught:
        load()
    assert "short-one" not in str(caught.value)


def test_a_status_is_told_again_for_a_second_and_asked_for_once_by_many():
    now, asked = 0.0, []

    def source(*, lag: bool) -> dict[str, Any]:
        asked.append(lag)
        return {"asked": len(asked)}

    statuses = Statuses(source, lambda: now)

    async def tell(lag: bool) -> list[Any]:
        return list(await asyncio.gather(*(statuses.tell(lag=lag) for _ in range(5))))

    with asyncio.Runner() as runner:
        assert runner.run(tell(False)) == [{"asked": 1}] * 5
        assert runner.run(tell(True)) == [{"asked": 2}] * 5
        now = 1.0
        assert runner.run(tell(False)) == [{"asked": 3}] * 5
    assert asked == [False, True, False]


def test_a_status_that_cannot_be_told_is_asked_for_again_after_a_second():
    now, asked = 0.0, []

    def source(*, lag: bool) -> dict[str, Any]:
        asked.append(lag)
        msg = "no"
        raise StatusError(msg)

    statuses = Statuses(source, lambda: now)
    for now, often in ((0.0, 1), (0.5, 1), (1.0, 2)):  # noqa: B007  read by the clock
        with pytest.raises(StatusError):
            asyncio.run(statuses.tell(lag=True))
        assert len(asked) == often


def test_a_watch_looks_at_who_is_followed_in_portions():
    looks: list[list[str]] = []

    async def read(shoppers: Iterable[str]) -> dict[str, Shopper]:
        looks.append(list(shoppers))
        return {shopper: Shopper(shopper, {}) for shopper in looks[-1]}

    async def follow() -> None:
        watch = Watch(read, 0.0)
        with watch.following("0"), watch.following("0"), watch.following("1"):
            seen = await watch.look()
            assert isinstance(seen, dict)
            assert set(seen) == {"0", "1"}
        names = [str(n) for n in range(AT_ONCE + 1)]
        follows = [watch.following(name) for name in names]
        for each in follows:
            each.__enter__()
        looks.clear()
        while not isinstance(look := await watch.look(), dict) or set(look) != set(names):
            pass
        assert [len(portion) for portion in looks[-2:]] == [AT_ONCE, 1]
        for each in follows:
            each.__exit__(None, None, None)
        watch.close()
        assert await watch.look() is None

    asyncio.run(follow())


def test_a_look_that_had_begun_is_not_told_to_who_comes_later():
    begun, go = asyncio.Event(), asyncio.Event()
    numbers = iter(range(100))

    async def read(shoppers: Iterable[str]) -> dict[str, Shopper]:
        number = str(next(numbers))
        begun.set()
        await go.wait()
        return {shopper: Shopper(number, {}) for shopper in shoppers}

    async def follow() -> None:
        watch = Watch(read, 0.0)
        with watch.following("a"):
            first = asyncio.ensure_future(watch.look())
            await begun.wait()
            later = asyncio.ensure_future(watch.look())
            await asyncio.sleep(0)
            go.set()
            looks = [await first, await later]
            assert [isinstance(look, dict) and look["a"].id for look in looks] == ["0", "1"]

    asyncio.run(follow())


def test_a_watch_tells_why_nothing_could_be_read_and_lets_all_go_when_it_is_closed():
    async def read(_shoppers: Iterable[str]) -> dict[str, Shopper]:
        msg = "down"
        raise ConnectError(msg)

    async def follow() -> None:
        watch = Watch(read, 0.0)
        with watch.following("a"):
            assert isinstance(await watch.look(), ConnectError)
            waiting = asyncio.ensure_future(watch.look())
            await asyncio.sleep(0)
            watch.close()
            assert await waiting is None or isinstance(waiting.result(), ConnectError)

    asyncio.run(follow())


def test_terms_name_their_rates():
    assert [str(rate) for rate in Terms(rate="3/second; 100 per 5 minutes").rates] == [
        "3 per 1 second",
        "100 per 5 minute",
    ]
