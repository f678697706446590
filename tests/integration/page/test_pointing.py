"""A device whose rows point, chosen on the page in a real browser: the page goes on to the user."""

from contextlib import closing

import pytest
from playwright.sync_api import expect

from jobs.page.live import LivePage
from jobs.page.tail import Tail
from jobs.settings import Settings
from serving.page.routes import OPEN_PATHS, page_routes
from tests.harness import wait_until
from tests.integration.api.conftest import app_over, serving
from tests.integration.page.demo import PATIENCE_MS, browser
from tests.integration.reader.test_pointing import pointer
from tests.integration.reader.test_reading import alive
from tests.sinks.rows import LIFE

FRAME = "Number(document.body.dataset.frame)"


def test_who_is_looked_up_by_a_device_is_shown_as_the_user(sink, server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Tail, "run", lambda _self: None)  # no Kafka is needed for this
    values = {"product_view_count": 7}
    sink.write([pointer("phone:1", "größe %"), alive(entity_id="größe %", values=values)], LIFE)
    sink.write([pointer("a", "b"), pointer("b", "a")], LIFE)
    with closing(LivePage(Settings(redis_url=server.url))) as live, browser() as chromium:
        app = app_over(server.url, extra=page_routes(live), open_paths=OPEN_PATHS)
        with serving(app) as (_, url), closing(chromium.new_page()) as page:
            page.goto(f"{url}/#phone%3A1")
            expect(page.locator("#shopper-id")).to_have_text("größe %", timeout=PATIENCE_MS)
            shown = page.locator("#windows .value[data-window='5min'][data-feature='product_view_count']")
            expect(shown).to_have_text("7", timeout=PATIENCE_MS)
            assert page.evaluate("decodeURIComponent(location.hash)") == "#größe %"
            page.fill("#wanted", "a")
            page.press("#wanted", "Enter")
            expect(page.locator("#shopper-id")).to_have_text("a", timeout=PATIENCE_MS)
            before = page.evaluate(FRAME)
            wait_until(lambda: page.evaluate(FRAME) > before + 1_000, 60, "the page is drawn again")
            assert page.inner_text("#shopper-id") == "a", "pointers in a circle lead nowhere"
