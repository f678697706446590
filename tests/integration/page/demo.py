"""The demo as a process of its own, and a browser that looks at it."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from redis import Redis

from jobs.local.process import LocalProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHORT = "20s"
"""A window so short that a test sees a value fall."""
WINDOWS = [
    {"label": SHORT, "size_s": 20, "pane_s": 2},
    {"label": "1h", "size_s": 3600, "pane_s": 60},
    {"label": "24h", "size_s": 86_400, "pane_s": 900},
]
PATIENCE_MS = 60_000
STARTS_S = 200.0


@dataclass
class Demo:
    """A demo that runs, and where its parts are."""

    process: LocalProcess
    url: str = ""
    redis_url: str = ""
    kafka: str = ""

    @property
    def said(self) -> str:
        """All that it printed."""
        return self.process.log.read_text()

    def started(self) -> bool:
        """Whether it said where everything is."""
        page = re.search(r"Open (http://127\.0\.0\.1:\d+)", self.said)
        servers = re.search(r"Redis (redis://\S+), Kafka (\S+),", self.said)
        if page and servers:
            self.url, self.redis_url, self.kafka = page[1], servers[1], servers[2]
        return bool(page and servers)

    def end(self) -> int:
        """Ask it to end, as Ctrl-C does, and return its exit code."""
        held = self.process._process
        assert held is not None
        held.terminate()
        return held.wait(90)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Demo]:
    """`shopper demo` until the block ends, or this process does."""
    program = Path(sys.executable).with_name("shopper")
    process = LocalProcess(
        name="the demo",
        command=(str(program), "demo", *arguments),
        log=folder / "demo.log",
        environment={"SHOPPER_WINDOWS": json.dumps(WINDOWS), "COLUMNS": "200"},
        folder=Path(__file__).parents[3],
    )
    demo = Demo(process)
    with process:
        process.wait_ready(demo.started, STARTS_S)
        yield demo
        if process.pid is not None:
            demo.end()


@contextmanager
def browser() -> Iterator[Browser]:
    """The machine's Chromium, headless."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert program, f"none of {', '.join(BROWSERS)} is on PATH; `make browser` installs one"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program)
        yield started
        started.close()


def shown(page: Page) -> dict[str, dict[str, Any]]:
    """What the page shows at one instant: by window the row's version and every value, as Redis wrote it."""
    told: dict[str, dict[str, Any]] = page.evaluate("""() => {
        const rows = {};
        for (const head of document.querySelectorAll("#windows thead th[id]"))
            rows[head.id.slice(5)] = { version: head.dataset.version, values: {}, texts: {} };
        rows.session = { version: document.getElementById("session").dataset.version, values: {}, texts: {} };
        for (const button of document.querySelectorAll("#windows .value, #session .value")) {
            rows[button.dataset.window].values[button.dataset.feature] = button.dataset.value;
            rows[button.dataset.window].texts[button.dataset.feature] = button.textContent;
        }
        return rows;
    }""")
    return told


def stored(redis: Redis, shopper: str, window: str) -> dict[str, str]:
    """A row as Redis has it."""
    found: Any = redis.hgetall(f"user:{shopper}:features:{window}")
    return dict(found)
