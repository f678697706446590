"""The demo as a process of its own, and a browser that looks at it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from redis import Redis

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SHORT = "20s"
"""A window so short that a test sees a value fall."""
WINDOWS = [
    {"label": SHORT, "size_s": 20, "pane_s": 2},
    {"label": "1h", "size_s": 3600, "pane_s": 60},
    {"label": "24h", "size_s": 86_400, "pane_s": 900},
]
PATIENCE_MS = 60_000


@dataclass
class Demo:
    """A demo that runs; its lines are those that it printed."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    url: str = ""
    redis_url: str = ""
    kafka: str = ""

    def end(self) -> int:
        """Interrupt it, as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)


@contextmanager
def running(*arguments: str) -> Iterator[Demo]:
    """`shopper demo` until the block ends."""
    program = Path(sys.executable).with_name("shopper")
    environment = {**os.environ, "SHOPPER_WINDOWS": json.dumps(WINDOWS)}
    process = subprocess.Popen(
        [str(program), "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    demo = Demo(process)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            demo.lines.append(line)
            if found := re.search(r"Open (http://127\.0\.0\.1:\d+)", line):
                demo.url = found[1]
            if found := re.search(r"Redis (redis://\S+), Kafka (\S+),", line):
                demo.redis_url, demo.kafka = found.groups()
                break
        assert demo.redis_url, f"the demo did not start:\n{''.join(demo.lines)}"
        reading = threading.Thread(target=demo.lines.extend, args=(process.stdout,), daemon=True)
        reading.start()
        yield demo
        demo.end()
        reading.join(10)
        process.stdout.close()
    finally:
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
