"""What a reader says and does when Redis does not do its part."""

import asyncio
import signal
import socket
import threading
from contextlib import contextmanager
from typing import Any

import pytest

from shopper_reader import (
    AccessError,
    AsyncFeatures,
    CircuitOpenError,
    ConnectError,
    Features,
    Limits,
    TimedOutError,
    Verdict,
    wire,
)
from tests.integration.reader.test_reading import PATIENT, alive, written
from tests.sinks.servers import free_port, running

ONCE = Limits(timeout_s=0.3, connect_timeout_s=0.3, retries=0, failures=0)


@contextmanager
def stopped(server: Any) -> Any:
    """A server that takes connections and does nothing."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


def test_nobody_there(connect):
    url = f"redis://user:secret@127.0.0.1:{free_port()}/2"
    with pytest.raises(ConnectError, match=r"127\.0\.0\.1:\d+/2 does not answer .*does it run") as caught:
        connect(url, limits=ONCE).get("ada")
    assert "secret" not in str(caught.value)


def test_a_server_that_hangs(server, redis, connect):
    features = connect(server.url, limits=ONCE)
    features.get("ada")
    with stopped(server):
        for _ in range(2):
            with pytest.raises(TimedOutError, match="in time"):
                features.get("ada")
    assert features.get("ada")["5min"].verdict is Verdict.MISSING


def test_a_server_that_hangs_from_the_first(server, redis, connect):
    features = connect(server.url, limits=ONCE)
    with stopped(server), pytest.raises(TimedOutError, match="in time"):
        features.get("ada")


def test_a_server_that_came_back_is_used_at_once(tmp_path, connect):
    with running(tmp_path) as server:
        features = connect(server.url, limits=PATIENT)
        features.get("ada")
        server.kill()
        server.start()
        assert features.get("ada")["5min"].verdict is Verdict.MISSING


def test_while_redis_is_down_callers_learn_it_at_once_and_then_it_is_tried_again(tmp_path, connect):
    with running(tmp_path) as server:
        limits = Limits(timeout_s=5, connect_timeout_s=5, retries=0, failures=2, pause_s=0.2)
        features = connect(server.url, limits=limits)
        features.get("ada")
        server.kill()
        for _ in range(2):
            with pytest.raises(ConnectError):
                features.get("ada")
        with pytest.raises(CircuitOpenError, match="failed 2 times in a row"):
            features.get("ada")
        server.start()
        for _ in range(1000):
            try:
                found = features.get("ada")
            except CircuitOpenError:
                threading.Event().wait(0.02)
            else:
                break
        assert found["5min"].verdict is Verdict.MISSING


def test_wrong_credentials_and_missing_rights_are_told_apart_from_a_server_that_is_down(
    server, redis, connect
):
    with pytest.raises(AccessError, match=r"\+hgetall \+hmget \+time") as caught:
        connect(f"redis://ann:secret@127.0.0.1:{server.port}", limits=PATIENT).get("ada")
    assert "secret" not in str(caught.value)
    redis.execute_command("ACL SETUSER reader on >secret ~user:* +hgetall")
    try:
        with pytest.raises(AccessError, match="no permissions"):
            connect(f"redis://reader:secret@127.0.0.1:{server.port}", limits=PATIENT).get("ada")
    finally:
        redis.execute_command("ACL DELUSER reader")


def test_the_rights_that_are_told_suffice(server, redis, sink, connect):
    written(sink, alive())
    redis.execute_command(
        "ACL SETUSER reader on >secret ~user:* ~session:* ~pipeline:*:progress +hgetall +hmget +time"
    )
    try:
        features = connect(f"redis://reader:secret@127.0.0.1:{server.port}", job="job", limits=PATIENT)
        assert features.get("ada")["5min"].verdict is Verdict.FRESH
        assert features.get("ada", features="cart_add_count")["5min"]["cart_add_count"] == 1
    finally:
        redis.execute_command("ACL DELUSER reader")


def test_no_more_connections_than_allowed(server, redis):
    with Features.connect(server.url, limits=Limits(connections=1, retries=0, timeout_s=5)) as features:
        features.get("ada")
        taken = features._link._pool.get_connection()  # type: ignore[attr-defined]
        with pytest.raises(ConnectError, match=r"Limits\(connections=…\)"):
            features.get("ada")
        features._link._pool.release(taken)  # type: ignore[attr-defined]
        features.get("ada")


def test_without_hiredis_the_same_is_read(server, redis, sink, connect, monkeypatch):
    monkeypatch.setattr(wire, "_Reader", None)
    redis.set("user:ada:features:1h", "text")
    written(sink, alive())
    found = connect(server.url, job="job", limits=PATIENT).get("ada")
    assert [found[w].verdict for w in ("5min", "1h", "24h")] == ["FRESH", "MISSING", "MISSING"]


class Dribble(threading.Thread):
    """A server that answers every command of the first connection, ever more slowly than it should."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        near, _ = self._listener.accept()
        with near:
            pause = threading.Event()
            while near.recv(65_536):
                for _ in range(1_000):
                    try:
                        near.sendall(b"*0\r\n")
                    except OSError:
                        return
                    pause.wait(0.05)

    def close(self) -> None:
        self._listener.close()


def test_a_server_that_answers_in_crumbs_is_given_up(connect):
    slow = Dribble()
    slow.start()
    features = connect(f"redis://127.0.0.1:{slow.port}", limits=ONCE)
    with pytest.raises(TimedOutError, match="in time"):
        features.get_many(map(str, range(100)))
    slow.close()


def test_a_call_that_is_cancelled_leaves_no_answers_behind(server, redis, sink):
    written(sink, *(alive(entity_id=str(n), values={"cart_add_count": n}) for n in range(20)))

    async def cancelled() -> None:
        async with AsyncFeatures.connect(server.url, job="job", limits=PATIENT) as features:
            for n in range(20):
                task = asyncio.ensure_future(features.get(str(n)))
                for _ in range(n):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                found = await features.get(str(19 - n))
                assert found["5min"]["cart_add_count"] == 19 - n

    asyncio.run(cancelled())
