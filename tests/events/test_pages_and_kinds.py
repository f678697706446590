"""Which page, which kind, and which page views are searches."""

from typing import Any

import pytest

from events import event as kinds
from events.decoder import Decoder
from events.event import Event
from events.page import SearchRule, without_query
from tests.events.recorded import event_of, tsv_line

SCREEN = "iglu:com.snowplowanalytics.mobile/screen/jsonschema/1-0-0"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/a?b=c#d", "https://shop.example/a"),
        ("https://shop.example/a#d?b", "https://shop.example/a"),
        ("https://shop.example/a", "https://shop.example/a"),
        ("?only=query", None),
        (None, None),
    ],
)
def test_pages_are_kept_without_query_and_fragment(url: str | None, kept: str | None) -> None:
    assert without_query(url) == kept


def test_page_and_referrer_of_an_event() -> None:
    event = event_of(page_referrer="https://search.example/?q=secret")
    assert (event.page, event.referrer) == ("https://shop.example/shoes", "https://search.example/")


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/search",
        "https://shop.example/search/",
        "https://shop.example/search/shoes?page=2",
        "https://shop.example/search#top",
        "/search/shoes",
        "https://shop.example/all?sort=price&q=red+shoes",
        "https://shop.example?query=shoes",
        "https://shop.example/?search=%20a",
    ],
)
def test_searches(url: str) -> None:
    assert SearchRule().matches(url)
    assert event_of(event="page_view", event_name="page_view", page_url=url).search


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example",
        "https://shop.example/",
        "https://shop.example/searching",
        "https://shop.example/en/search",
        "https://shop.example/?q=",
        "https://shop.example/?q=%20+",
        "https://shop.example/?Q=a&qq=b&q",
        "https://shop.example/#?q=a",
        "https://search/",
    ],
)
def test_no_searches(url: str) -> None:
    assert not SearchRule().matches(url)


def test_only_page_views_and_site_searches_are_searches() -> None:
    assert not event_of(page_url="https://shop.example/search").search
    assert event_of(event_name="site_search").search
    assert not event_of(event="page_view", event_name="page_view", page_url=None).search


def test_the_search_rule_is_the_shops() -> None:
    rule = SearchRule(path="/suche/", parameters=frozenset({"wort"}))
    assert rule.matches("https://shop.example/suche/schuhe")
    assert rule.matches("https://shop.example/?wort=schuhe")
    assert not rule.matches("https://shop.example/search?q=shoes")
    assert not SearchRule(path="").matches("https://shop.example/")
    page_view = tsv_line(event_name="page_view", page_url="https://shop.example/suche")
    event = Decoder(search=rule).decode(page_view)
    assert isinstance(event, Event)
    assert event.search


def test_a_search_path_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="search path is 'search'"):
        SearchRule(path="search")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"event": "page_view", "event_name": "page_view"}, kinds.PAGE_VIEW),
        ({"event": "page_ping", "event_name": "page_ping"}, kinds.PAGE_PING),
        ({"event": "page_ping", "event_name": None}, kinds.PAGE_PING),
        ({"event_name": "screen_view"}, kinds.SCREEN_VIEW),
        ({"event_name": "site_search"}, kinds.SITE_SEARCH),
        ({"event_name": "link_click"}, kinds.OTHER),
        ({"event": "struct", "event_name": "event"}, kinds.OTHER),
        ({"event": None, "event_name": None}, kinds.OTHER),
        ({}, kinds.UNTYPED_ACTION),
    ],
)
def test_kinds(fields: dict[str, Any], kind: str) -> None:
    assert event_of(**fields).kind == kind


def test_a_screen_views_page_is_the_name_of_the_screen() -> None:
    screen = (SCREEN, {"name": "from the entity"})
    view: dict[str, Any] = {"event_name": "screen_view"}
    assert event_of(screen, action={"name": "Home"}, **view).page == "Home"
    assert event_of(screen, action={"id": "1"}, **view).page == "from the entity"
    assert event_of(screen, **view).page == "from the entity"
    assert event_of((SCREEN, {}), page_url=None, **view).page is None
    assert event_of(page_url="app://shop/home?x", **view).page == "app://shop/home"
