"""The live page of a real demo in a real browser: what it shows, and what its buttons do."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from kafka import KafkaProducer
from playwright.sync_api import Browser, Page, expect
from redis import Redis

from tests.harness import wait_until
from tests.integration.page.demo import PATIENCE_MS, SHORT, Demo, browser, running, shown, stored

pytestmark = pytest.mark.timeout(240)
expect.set_options(timeout=PATIENCE_MS)
NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass
class Seen:
    """A page that is open, and what it did that it should not."""

    page: Page
    redis: Redis
    demo: Demo
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    @property
    def you(self) -> str:
        """Whom the page's visitor is as a shopper."""
        return self.page.inner_text("#you")

    def value(self, feature: str, window: str = SHORT) -> str:
        """What the page shows."""
        return self.page.inner_text(f"#windows .value[data-window='{window}'][data-feature='{feature}']")

    def press(self, deed: str) -> None:
        """Do something as a shopper; returns when Kafka has the events."""
        self.page.evaluate("document.getElementById('act-said').textContent = ''")
        self.page.click(f"[data-deed={deed}]")
        expect(self.page.locator("#act-said")).to_contain_text("Sent")

    def becomes(self, feature: str, text: str, window: str = "1h") -> None:
        """Wait until page and Redis say so."""
        button = f"#windows .value[data-window='{window}'][data-feature='{feature}']"
        expect(self.page.locator(button)).to_have_text(text)
        assert stored(self.redis, self.you, window)[feature] == text


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo"), "--rate", "20", "--seed", "5") as started:
        yield started


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def seen(demo: Demo, chromium: Browser) -> Iterator[Seen]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    redis = Redis.from_url(demo.redis_url, decode_responses=True)
    made = Seen(page, redis, demo)
    page.on("console", lambda told: made.errors.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: made.errors.append(str(error)))
    page.on("request", lambda request: made.hosts.add(request.url.split("/")[2]))
    page.goto(demo.url)
    page.wait_for_selector("body[data-frame]")
    yield made
    page.close()
    redis.close()


def test_what_moves_is_there_without_a_click(seen: Seen) -> None:
    page = seen.page
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#job")).to_have_text("job running")
    expect(page.locator("#events li").first).to_be_visible()
    expect(page.locator("#live tbody tr").first).to_be_visible()
    expect(page.locator("#branches li")).to_have_text([re.compile(name) for name in (
        "product", "category", "cart", "purchase", "session")])  # fmt: skip
    expect(page.locator("#accounting")).to_contain_text("✓")
    expect(page.locator("#fresh")).to_have_text(re.compile(r"\d+"))


@pytest.mark.parametrize("of", ["a lively shopper", "yourself"])
def test_the_numbers_are_those_of_redis_at_the_same_instant(seen: Seen, of: str) -> None:
    if of == "yourself":
        seen.press("view")
        seen.becomes("product_view_count", "1")
        shopper = seen.you
    else:
        shopper = seen.page.locator("#live tbody button").first.inner_text()
        seen.page.click(f"#live button[title='{shopper}']")
    expect(seen.page.locator("#shopper-id")).to_have_text(shopper)

    def the_same() -> bool:
        rows = shown(seen.page)
        truth = {window: stored(seen.redis, shopper, window) for window in rows}
        if any(rows[window]["version"] != truth[window].get("_v", "") for window in rows):
            return False  # one of the two is a moment ahead
        for window, row in rows.items():
            expected = {name: truth[window].get(name, "") for name in row["values"]}
            assert row["values"] == expected, window
            for name, text in row["texts"].items():
                # A moment is shown as a time of day.
                if window != "session" and NUMBER.fullmatch(expected[name]) and NUMBER.fullmatch(text):
                    assert float(text) == pytest.approx(float(expected[name]), abs=5e-4), name
        return any(row["version"] for row in rows.values())

    wait_until(the_same, 30, "page and Redis show the same versions")


def test_a_value_says_why_it_is_what_it_is(seen: Seen) -> None:
    seen.press("view")
    seen.becomes("product_view_count", "2")
    button = seen.page.locator("#windows .value[data-window='1h'][data-feature='product_view_count']")
    button.click()
    answer = seen.page.locator("#why-value")
    expect(answer).to_have_attribute("data-value", "2")
    expect(seen.page.locator("#why-said")).to_have_text(re.compile("the same value as in Redis"))
    assert seen.page.inner_text("#why-heading") == "Why is product view count 2?"
    assert answer.locator(".big").inner_text() == button.inner_text()
    steps = seen.page.locator("#why-events tbody tr")
    expect(steps).to_have_count(2)
    assert [text[-1] for text in steps.all_inner_texts()] == ["1", "2"]
    assert seen.page.locator("#why-panes tbody tr").count() in (1, 2)  # both views may lie in one minute
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("#why")).not_to_be_visible()
    seen.page.locator("#session .value[data-feature=event_count]").click()
    expect(seen.page.locator("#why-said")).to_have_text(re.compile("the same value as in Redis"))
    seen.page.keyboard.press("Escape")


def test_every_value_of_the_shopper_can_be_explained(seen: Seen) -> None:
    all_are_explained(seen)


def all_are_explained(seen: Seen) -> None:
    rows = shown(seen.page)
    with httpx.Client(base_url=seen.demo.url) as client:
        for window in ("1h", "session"):
            for feature in rows[window]["values"]:
                asked = {"shopper": seen.you, "window": window, "feature": feature}
                told = client.get("/page/why", params=asked, timeout=30).json()
                assert told["same"], (window, feature, told["said"])
                assert told["value"] == stored(seen.redis, seen.you, window).get(feature)


def test_each_button_changes_redis_and_the_page(seen: Seen) -> None:
    price = seen.page.inner_text("#product option:checked").split("· ")[1].split()[0]
    seen.press("add")
    seen.becomes("cart_add_count", "1")
    seen.becomes("cart_value", price)
    seen.press("remove")
    seen.becomes("cart_remove_count", "1")
    seen.becomes("cart_value", "0.00")
    seen.press("add")
    seen.becomes("cart_value", price)
    seen.press("buy")
    seen.becomes("orders_count", "1")
    seen.becomes("order_value", price)
    seen.becomes("cart_value", "0.00")
    expect(seen.page.locator("#timeline li[data-kind=transaction]")).to_have_count(1)


def test_after_a_login_what_came_before_it_is_the_users(seen: Seen) -> None:
    seen.press("add")
    seen.becomes("cart_add_count", "3")
    anonymous, before = seen.you, stored(seen.redis, seen.you, "session")
    seen.press("login")
    expect(seen.page.locator("#you")).to_have_text(re.compile("^you-"))
    expect(seen.page.locator("#shopper-id")).to_have_text(seen.you)
    pages = str(int(before["page_count"]) + 1)
    expect(seen.page.locator("#session .value[data-feature=page_count]")).to_have_text(pages)
    now = stored(seen.redis, seen.you, "session")
    assert (now["page_count"], now["session_id"]) == (pages, before["session_id"])
    seen.becomes("cart_add_count", "3")
    seen.becomes("orders_count", "1")
    pointer = stored(seen.redis, anonymous, "1h")
    assert (pointer["_same_as"], pointer.get("orders_count")) == (seen.you, None)
    expect(seen.page.locator("#timeline li[data-kind=transaction]")).to_have_count(1)
    seen.page.click("#windows .value[data-window='1h'][data-feature='cart_add_count']")
    expect(seen.page.locator("#why-said")).to_have_text(re.compile("the same value as in Redis"))
    steps = seen.page.locator("#why-events tbody tr")
    expect(steps).to_have_count(3)
    assert all("not logged in" in step for step in steps.all_inner_texts())
    seen.page.keyboard.press("Escape")
    seen.press("remove")
    seen.becomes("cart_remove_count", "2")
    all_are_explained(seen)
    seen.page.fill("#wanted", anonymous)
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("#shopper-id")).to_have_text(seen.you)


def test_what_cannot_be_done_is_said(seen: Seen, chromium: Browser) -> None:
    page = chromium.new_page()  # its own: a refusal is an error on the console
    page.goto(seen.demo.url)
    page.wait_for_selector("body[data-frame]")
    page.click("[data-deed=buy]")
    expect(page.locator("#act-said")).to_have_text("the cart is empty: add something first")
    page.close()


def test_a_value_falls_when_time_passes(seen: Seen) -> None:
    seen.press("view")
    seen.becomes("product_view_count", "3")
    chart = seen.page.locator("#charts [data-feature=product_view_count] .future")
    expect(chart).to_have_attribute("d", re.compile("H.*V"))
    short = seen.page.locator(f"#windows .value[data-window='{SHORT}'][data-feature='product_view_count']")
    expect(short).to_have_text("–")
    assert stored(seen.redis, seen.you, SHORT) == {}
    assert seen.value("product_view_count", "1h") == "3"


def test_a_poison_record_is_among_the_dead_letters(seen: Seen) -> None:
    letters = "[...document.querySelectorAll('#letters li')].map((e) => [e.title, e.textContent])"
    before = dict(seen.page.evaluate(letters))
    seen.page.click("[data-break=poison]")

    def arrived() -> bool:
        told = dict(seen.page.evaluate(letters))
        said = "contexts.product[0].price is text of 4 characters; expected a number"
        return any(said in told[letter] for letter in told.keys() - before.keys())

    wait_until(arrived, 30, "the letter is shown, with its reason")
    expect(seen.page.locator("#job")).to_have_text("job running")


def test_a_killed_taskmanager_shows_and_nothing_is_lost(seen: Seen) -> None:
    seen.page.click("[data-break=kill_taskmanager]")
    expect(seen.page.locator("#job")).to_have_text("job restarting")
    seen.press("view")
    expect(seen.page.locator("#job")).to_have_text("job running")
    expect(seen.page.locator("#happenings")).to_contain_text("TaskManager 0 was killed")
    expect(seen.page.locator("#happenings li[data-tone=well]").first).to_contain_text("nothing lost")
    seen.becomes("product_view_count", "4")
    seen.page.click("#windows .value[data-window='1h'][data-feature='product_view_count']")
    expect(seen.page.locator("#why-said")).to_have_text(re.compile("the same value as in Redis"))
    seen.page.keyboard.press("Escape")


def test_a_frozen_redis_shows_and_nothing_is_lost(seen: Seen) -> None:
    seen.page.click("[data-break=freeze_redis]")
    expect(seen.page.locator("#fresh-hint")).to_have_text("Redis does not answer")
    seen.press("view")
    seen.becomes("product_view_count", "5")
    expect(seen.page.locator("#fresh-hint")).not_to_have_text("Redis does not answer")


def test_ids_are_text_whatever_is_in_them(seen: Seen) -> None:
    hostile = "<img src=x onerror=document.title='owned'>"
    now = seen.page.evaluate("Date.now()")
    record = restamp_one(hostile, now)
    kafka = KafkaProducer(bootstrap_servers=seen.demo.kafka)
    kafka.send("snowplow-enriched-good", record).get(timeout=20)
    kafka.close()
    seen.page.fill("#wanted", hostile)
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("#shopper-id")).to_have_text(hostile)
    expect(seen.page.locator("#session .value[data-feature=event_count]")).to_have_text("1")
    assert seen.page.title() == "Live shopper features"
    assert seen.page.locator("main img").count() == 0


def restamp_one(shopper: str, now_ms: int) -> bytes:
    """A page view of that shopper, now."""
    from random import Random

    from jobs.shop.assortment import Assortment
    from jobs.shop.guest import Guest

    guest = Guest(Random(3), Assortment(Random(1)), shopper)
    return guest.act("login", guest.shelf[0].id, now_ms)[-1]


def test_everything_is_reached_by_the_keyboard(seen: Seen, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})  # on which nothing was chosen before
    page.goto(seen.demo.url)
    expect(page.locator("#session .value[data-feature=event_count]")).not_to_have_text("–")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("getComputedStyle(document.activeElement).left") == "16px"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(
            "(e => e.dataset.deed ?? e.dataset.break ?? e.dataset.window ?? e.id)(document.activeElement)"
        ))  # fmt: skip
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached >= {"view", "add", "remove", "buy", "kill_taskmanager", "freeze_redis", "poison"}
    assert reached >= {"product", "you", "wanted", SHORT, "1h", "24h", "session", "more"}
    value = page.locator("#session .value[data-feature=event_count]")
    value.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#why-value")).to_be_visible()
    page.keyboard.press("Escape")
    expect(value).to_be_focused()
    page.close()


def test_everything_has_a_name_for_those_who_hear_the_page(seen: Seen) -> None:
    nameless = seen.page.evaluate("""() => [
        ...document.querySelectorAll("button, input, select, section, dialog, table"),
    ]
        .filter((e) => !e.textContent.trim() && !e.ariaLabel && !e.labels?.length)
        .concat(...document.querySelectorAll("section:not([aria-labelledby]), dialog:not([aria-labelledby])"))
        .map((e) => e.outerHTML)""")
    assert nameless == []
    assert seen.page.locator("main").count() == 1
    assert seen.page.locator("h1").count() == 1
    assert seen.page.locator("[aria-live], [role=status]").count() <= 4


def test_it_fits_on_a_phone(seen: Seen, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.goto(seen.demo.url)
    page.wait_for_selector("body[data-frame]")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_only_the_page_itself_may_act(seen: Seen) -> None:
    body = {"visitor": "0" * 32, "do": "poison"}
    with httpx.Client(base_url=seen.demo.url) as client:
        for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}):
            assert client.post("/page/break", json=body, headers=headers).status_code == 403, headers
        own = {"origin": seen.demo.url}
        assert client.post("/page/break", content=b"visitor=1", headers=own).status_code == 403
        assert client.post("/page/break", json=body | {"do": "rm"}, headers=own).status_code == 400
        assert client.post("/page/act", json=body | {"visitor": "<b>"}, headers=own).status_code == 400
        assert client.get("/", headers={"host": "evil.example"}).status_code == 403
        policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_it_made_no_errors_and_asked_nobody_else(seen: Seen) -> None:
    assert seen.errors == []
    assert seen.hosts == {seen.demo.url.removeprefix("http://")}


def test_that_the_server_is_gone_is_seen_and_every_record_was_accounted_for(seen: Seen) -> None:
    assert seen.demo.end() == 0
    expect(seen.page.locator("#link")).to_have_text("not connected, trying again")
    assert "every record is accounted for" in seen.demo.said, seen.demo.said
