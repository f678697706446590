"""What the API's dashboard and alerts ask for is what the API answers to Prometheus."""

from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from shopper_reader import Limits
from sinks.redis_sink import RedisSink
from tests.deploy.observing import DASHBOARDS, OF_THE_API, asked, labels_of, missing_in
from tests.integration.api.conftest import Asks, app_over
from tests.sinks.rows import LIFE, row
from tests.sinks.servers import Server, free_port

HASTY = Limits(timeout_s=1, connect_timeout_s=1, failures=0)


def parsed(text: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_every_metric_that_a_panel_or_alert_names_is_scraped_from_the_api(
    server: Server, sink: RedisSink, asks: Asks, serve: Callable[[FastAPI], str], redis: Any
) -> None:
    # Counters with labels are there once they counted; of those of streams and failures, one has to happen.
    sink.write([row()], LIFE)
    url = serve(app_over(server.url))
    assert httpx.get(f"{url}/v1/shoppers/ada/features").status_code == 200
    with httpx.stream("GET", f"{url}/v1/shoppers/ada/changes", timeout=10) as stream:
        # Kept, since an iterator that is let go closes the stream.
        events = stream.iter_text()
        assert "event: features" in next(events)
        scrape = parsed(httpx.get(f"{url}/metrics").text)
    blind = asks(f"redis://127.0.0.1:{free_port()}", limits=HASTY)
    assert blind.get("/v1/shoppers/ada/features").status_code == 503
    scrape += parsed(blind.get("/metrics").text)
    of_the_api = [each for each in asked() if each.metric.startswith(OF_THE_API)]
    assert missing_in(labels_of(scrape), of_the_api) == []
    assert {by.partition(",")[0] for _, _, by in of_the_api} >= {"shopper-api.json", "alert ShopperApiErrors"}
    streams = [sample.value for sample in scrape if sample.name == "shopper_api_streams_open"]
    assert streams == [1, 0], "one open, and none in the application without Redis"


def test_the_dashboard_shows_all_that_the_api_counts(asks: Asks) -> None:
    registry = asks().app.state.serving.metrics.registry
    named = {metric for metric, _, _ in asked()}
    for family in registry.collect():
        assert any(metric.startswith(family.name) for metric in named), family.name
    assert "shopper-api.json" in DASHBOARDS
