"""Kinds of devices and robots, by whatever evidence there is."""

# ruff: noqa: E501  (user agents are as long as they are)

import subprocess
import sys
from typing import Any

import pytest

from events.decoder import Decoder
from events.device import device_of, device_of_agent
from events.device_tables import FAMILIES, PLATFORMS, SYSTEMS, YAUAA_CLASSES
from events.event import DEVICES, Event
from events.verdict import Filtered
from tests.events.recorded import SNOWPLOW, event_of, tsv_line

YAUAA = "iglu:nl.basjes/yauaa_context/jsonschema/1-0-4"
UA_PARSER = SNOWPLOW.format("ua_parser_context")
SPIDERS = "iglu:com.iab.snowplow/spiders_and_robots/jsonschema/1-0-0"
BOTS = SNOWPLOW.format("bot_detection")
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
MAC_CHROME = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/106.0.0.0 Safari/537.36"

AGENTS = {
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile/15E148": "phone",
    "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148": "phone",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/123.0.0.0 Mobile Safari/537.36": "phone",
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/124.0.0.0 Mobile Safari/537.36": "phone",
    "Mozilla/5.0 (Android 14; Mobile; rv:124.0) Gecko/124.0 Firefox/124.0": "phone",
    f"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) {WEBKIT} Edge/15.15063": "phone",
    "MyShop/3.2 CFNetwork/1494.0.7 Darwin/23.4.0": "phone",
    "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)": "phone",
    "snowplow/andr-5.0.0 android/11": "phone",
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Version/16.6 Mobile/15E148": "tablet",
    f"Mozilla/5.0 (Linux; Android 13; SM-X700) {WEBKIT} Chrome/122.0.0.0 Safari/537.36": "tablet",
    "Mozilla/5.0 (Android 14; Tablet; rv:124.0) Gecko/124.0 Firefox/124.0": "tablet",
    f"Mozilla/5.0 (Linux; Android 9; KFMAWI) {WEBKIT} Silk/108.4.6 like Chrome/108.0 Safari/537.36": "tablet",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 Version/6.0 TV Safari/538.1": "tv",
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/87.0.4280.88 Safari/537.36 WebAppManager": "tv",
    f"Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2 Build/PTT1) {WEBKIT} Chrome/90.0 Safari/537.36": "tv",
    f"Mozilla/5.0 (Linux; Android 7.1.2; AFTS Build/NS6265; wv) {WEBKIT} Chrome/70.0 Mobile Safari/537.36": "tv",
    f"Mozilla/5.0 (X11; Linux armv7l) {WEBKIT} Chrome/90.0 Safari/537.36 CrKey/1.56.500000": "tv",
    "AppleTV11,1/16.1": "tv",
    "Roku/DVP-12.0 (12.0.0.4182-88)": "tv",
    "atc/1.0 watchOS/10.3.1 model/Watch6,2 hwp/t8301 build/21S651 (6; dt:222)": "watch",
    "Mozilla/5.0 (Linux; Tizen 2.3.2; SAMSUNG SM-R760) AppleWebKit/537.3 SamsungBrowser/2.0 Mobile": "watch",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "robot",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) {WEBKIT} Mobile (compatible; Googlebot/2.1)": "robot",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)": "robot",
    "curl/8.4.0": "robot",
    "python-requests/2.31.0": "robot",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/119.0.6045.105 Safari/537.36": "robot",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/123.0.0.0 Safari/537.36": "desktop",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:124.0) Gecko/20100101 Firefox/124.0": "desktop",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15": "desktop",
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/123.0.0.0 Safari/537.36": "desktop",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0": "desktop",
    "Mozilla/5.0 (PlayStation; PlayStation 5/8.00) AppleWebKit/605.1.15 Version/15.4 Safari/605.1.15": "other",
    "okhttp/4.12.0": None,
    "garbage": None,
}


@pytest.mark.parametrize(("agent", "device"), AGENTS.items())
def test_user_agents(agent: str, device: str | None) -> None:
    assert device_of_agent(agent) == device


def test_the_tables_name_known_devices_only() -> None:
    for table in (YAUAA_CLASSES, FAMILIES, SYSTEMS, PLATFORMS):
        assert set(table.values()) <= set(DEVICES)


def yauaa(device_class: object) -> tuple[str, Any]:
    return YAUAA, {"deviceClass": device_class}


def test_the_best_evidence_wins() -> None:
    parsed = (UA_PARSER, {"deviceFamily": "iPad", "osFamily": "iOS"})
    sent: Any = {"useragent": MAC_CHROME, "platform": "mob"}
    assert event_of(derived=(yauaa("Watch"), parsed), **sent).device == "watch"
    assert event_of(derived=(yauaa("Unknown"), parsed), **sent).device == "tablet"
    assert (
        event_of(derived=((UA_PARSER, {"deviceFamily": "Other", "osFamily": None}),), **sent).device
        == "desktop"
    )
    assert event_of(useragent=MAC_CHROME, platform="mob").device == "desktop"
    assert event_of(useragent="MyShop/1.0", platform="mob").device == "phone"
    assert event_of(platform="tv").device == "tv"
    assert event_of(useragent="MyShop/1.0").device is None
    assert event_of(platform=None).device is None


def test_systems_of_the_ua_parser_entity() -> None:
    for system, device in {
        "Windows XP": "desktop",
        "Android": "phone",
        "iOS": "phone",
        "Tizen": None,
    }.items():
        found = event_of(derived=((UA_PARSER, {"deviceFamily": "Other", "osFamily": system}),))
        assert found.device == device


def test_enrichments_of_another_shape_cost_no_event() -> None:
    assert (
        event_of(derived=((YAUAA, ["?"]), (UA_PARSER, {"deviceFamily": 5})), platform="mob").device == "phone"
    )
    assert event_of(derived=(yauaa(["Phone"]),), platform="tv").device == "tv"


def test_a_servers_user_agent_tells_nothing_of_the_shopper() -> None:
    assert event_of(useragent="python-requests/2.31.0", platform="srv").device is None
    assert event_of(useragent="python-requests/2.31.0").device == "robot"


def test_an_endless_user_agent_is_cut() -> None:
    agent = MAC_CHROME + " x" * 500_000
    assert device_of({}, agent, "web") == "desktop"
    assert device_of({}, "x" * 1000 + "Googlebot", None) is None


ROBOTS: list[dict[str, Any]] = [
    {"derived": (yauaa("Robot"),)},
    {"derived": (yauaa("Robot Mobile"),)},
    {"derived": ((SPIDERS, {"spiderOrRobot": True}),)},
    {"derived": ((BOTS, {"bot": True}),)},
    {"useragent": "curl/8.4.0"},
]


@pytest.mark.parametrize("sent", ROBOTS)
def test_robots_are_left_out_where_the_shop_says_so(sent: dict[str, Any]) -> None:
    line = tsv_line(**sent)
    assert Decoder(exclude_robots=True).decode(line) == Filtered("robot")
    assert isinstance(Decoder().decode(line), Event)


def test_people_are_not_left_out() -> None:
    sent = (
        yauaa("Phone"),
        (SPIDERS, {"spiderOrRobot": False}),
        (BOTS, {"bot": "true"}),
        (BOTS, {"bot": True}),
    )
    assert isinstance(Decoder(exclude_robots=True).decode(tsv_line(derived=sent)), Event)


def test_regular_expressions_are_loaded_at_the_first_user_agent_only() -> None:
    program = "import sys, events.decoder; raise SystemExit('ua_parser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=20).returncode == 0
