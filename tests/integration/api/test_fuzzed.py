"""Every route with what its description allows and with what it does not, at random but always the same."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)

from serving.api.terms import Terms
from sinks.redis_sink import RedisSink
from tests.integration.api.conftest import app_over, serving
from tests.integration.reader.test_reading import alive
from tests.integration.reader.writing import AHEAD, now
from tests.reader.answers import REPORTS, report
from tests.sinks.rows import LIFE

EXAMPLES = 60
ROUTES = [
    ("GET", "/v1/shoppers/{shopper}/features"),
    ("GET", "/v1/shoppers/{shopper}/changes"),
    ("POST", "/v1/features"),
    ("GET", "/v1/catalogue"),
    ("GET", "/v1/status"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
]


@pytest.fixture(scope="module")
def described(server):
    """The API whose streams end after their first event, as they do when it is about to stop."""
    with server.client() as redis:
        redis.flushall()
    sink = RedisSink.connect(server.url)
    told = {n: report(at=now() + AHEAD) for n in REPORTS}
    sink.write(
        [alive(entity_id=name) for name in ("ann", "0", "")], LIFE, put={"pipeline:job:progress": told}
    )
    sink.close()
    app = app_over(server.url, Terms(batch_most=20))
    app.state.serving.watch.close()
    # A window and a feature that it does not have cannot be told apart by a schema.
    acceptance = PositiveDataAcceptanceConfig(expected_statuses=["2xx", "304", "422"])
    project = ProjectConfig(
        checks=ChecksConfig(positive_data_acceptance=acceptance),
        generation=GenerationConfig(deterministic=True, max_examples=EXAMPLES),
    )
    config = SchemathesisConfig(seed=1, projects=ProjectsConfig(default=project))
    with serving(app) as (_, url):
        yield schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_finds_the_api_at_a_loss(described, method: str, path: str, mode: GenerationMode):
    operation = described[path][method]
    if mode is GenerationMode.NEGATIVE and not (
        operation.query or operation.path_parameters or operation.body
    ):
        mode = GenerationMode.POSITIVE  # nothing to be wrong about

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def fuzzed(case: schemathesis.Case) -> None:
        case.call_and_validate()

    fuzzed()


def test_every_route_is_among_them(described):
    found = {(each.ok().method.upper(), each.ok().path) for each in described.get_all_operations()}
    assert found == set(ROUTES)
