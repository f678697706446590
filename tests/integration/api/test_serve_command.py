"""`shopper serve` as a person runs it: how it begins, what it says when it cannot, how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.api.test_changes import stream
from tests.integration.reader.test_reading import alive, written
from tests.sinks.servers import free_port

TOKEN = "0123456789abcdef" * 2
EVERYWHERE = "0.0.0.0"  # noqa: S104  what is tested
ROOT = Path(__file__).parents[3]


@pytest.fixture
def begin(tmp_path: Path, server):
    """Starts the command in a folder of its own, over the test's Redis."""

    @contextmanager
    def begun(*arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SHOPPER_")}
        process = subprocess.Popen(
            [sys.executable, "-m", "jobs.cli.main", "serve", *arguments],
            env=clean
            | {"SHOPPER_REDIS_URL": server.url, "SHOPPER_JOB_NAME": "job", "COLUMNS": "200"}
            | variables
            | {"PYTHONPATH": f"{ROOT}:{ROOT / 'reader'}"},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=20)

    return begun


def place(process: subprocess.Popen[str]) -> str:
    """Where it says that it answers."""
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"answers at (http://\S+);", line)
    assert found, line + process.stderr.read()
    return found[1]


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=30)
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_and_ends_when_told_to_with_streams_open(begin, sink, number: signal.Signals):
    written(sink, alive())
    with begin("--api-port", "0") as process:
        url = place(process)
        assert url.startswith("http://127.0.0.1:")
        row = httpx.get(f"{url}/v1/shoppers/ada/features").json()["windows"]["5min"]
        assert (row["verdict"], row["features"]) == ("FRESH", {"cart_add_count": 1})
        assert httpx.get(f"{url}/v1/status").json()["job"] == "job"
        with stream(f"{url}/v1/shoppers/ada/changes") as changes:
            assert changes.next().kind == "features"
            process.send_signal(number)
            assert changes.next().kind == "end"
            assert changes.next().kind == "closed"
        code, said = ended(process)
    assert code == 0
    assert said.endswith("the API has ended\n")
    assert "GET /v1/shoppers/{shopper}/features 200" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_told(begin):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with begin("--api-port", str(port)) as process:
            code, said = ended(process)
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert "--api-port takes another" in said


def test_it_is_not_open_to_others_without_a_token(begin, tmp_path: Path):
    with begin("--api-host", EVERYWHERE, "--api-port", "0") as process:
        code, said = ended(process)
    assert code == 1
    assert "api_host is 0.0.0.0: others could read every shopper's features there" in said
    assert "SHOPPER_API_TOKENS" in said
    file = tmp_path / "tokens"
    file.write_text("short\n")
    with begin("--api-host", EVERYWHERE, "--api-tokens-file", str(file)) as process:
        code, said = ended(process)
    assert (code, "fewer than 16 characters" in said) == (1, True)


def test_elsewhere_it_answers_who_has_a_token(begin):
    with begin(
        "--api-host", EVERYWHERE, "--api-port", "0", SHOPPER_API_TOKENS=f"{TOKEN},{TOKEN[::-1]}"
    ) as process:
        url = place(process).replace(EVERYWHERE, "127.0.0.1")
        assert httpx.get(f"{url}/v1/catalogue").status_code == 401
        for token in (TOKEN, TOKEN[::-1]):
            got = httpx.get(f"{url}/v1/catalogue", headers={"authorization": f"Bearer {token}"})
            assert got.status_code == 200
        command_line = Path(f"/proc/{process.pid}/cmdline")
        assert not command_line.exists() or TOKEN not in command_line.read_text()
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
    assert code == 0
    assert TOKEN not in said


def test_everyone_is_let_in_where_that_is_said(begin):
    with begin("--api-host", EVERYWHERE, "--api-port", "0", "--api-open") as process:
        url = place(process).replace(EVERYWHERE, "127.0.0.1")
        assert httpx.get(f"{url}/v1/catalogue", headers={"host": "shop.example"}).status_code == 200


def test_it_begins_without_redis_and_says_so(begin):
    nobody = f"redis://:secret@127.0.0.1:{free_port()}"
    with begin("--api-port", "0", SHOPPER_REDIS_URL=nobody) as process:
        url = place(process)
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert httpx.get(f"{url}/v1/status").status_code == 503
        process.send_signal(signal.SIGTERM)
        code, said = ended(process)
    assert (code, "secret" in said) == (0, False)
    assert said.count("features cannot be read: Redis at redis://127.0.0.1") == 1


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"SHOPPER_API_TOKENS": "short"}, "api_tokens = '****' (environment SHOPPER_API_TOKENS)"),
        ({"SHOPPER_API_RATE": "often"}, "'often' is no rate; expected such as 100/second"),
        ({"SHOPPER_API_PORT": "70000"}, "api_port"),
        ({"SHOPPER_API_TOKENS_FILE": "/nowhere"}, "api_tokens_file = '/nowhere'"),
    ],
)
def test_settings_that_cannot_be_used_are_told(begin, variables: dict[str, str], says: str):
    with begin(**variables) as process:
        code, said = ended(process)
    assert code == 2
    assert says in said
