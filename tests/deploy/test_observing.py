"""Dashboards and alerts: Grafana can provision them, every query parses, every alert has its runbook."""

import re
from itertools import product
from typing import Any

import pytest
import yaml

from deploy.grafana.make import files
from deploy.grafana.panels import WIDTH
from operators.gauges import NAMES, OF_A_BRANCH
from operators.ledger import VERDICTS
from tests.deploy.observing import ALERTS, DASHBOARDS, DEPLOY, ROOT, asked, reads

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROVISIONING = DEPLOY / "grafana/provisioning"
OURS = "flink_taskmanager_job_task_operator_shopper_"
SCREENS = "/var/lib/grafana/dashboards"
EVERY_PAGE = pytest.mark.parametrize("name", DASHBOARDS)
EVERY_ALERT = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
DURATION = re.compile(r"\d+(s|m|h)")


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARDS[name]["panels"] if panel["type"] != "row"]


def anchors(page: str) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_the_files_are_those_that_the_code_makes() -> None:
    made = files()
    assert {path.name for path in made} == set(DASHBOARDS)
    for path, text in made.items():
        assert path.read_text() == text, f"{path.name} is not what the code makes: run `make docs`"


@EVERY_PAGE
def test_a_dashboard_can_be_provisioned(name: str) -> None:
    page = DASHBOARDS[name]
    assert re.fullmatch(r"[\w-]{1,40}", page["uid"])
    assert f"{page['uid']}.json" == name
    assert page["title"]
    assert page["schemaVersion"] >= 39
    # Grafana gives an id by itself; one in the file would clash with another server's.
    assert "id" not in page
    numbers = [panel["id"] for panel in page["panels"]]
    assert len(numbers) == len(set(numbers))


def test_no_two_dashboards_have_one_uid_or_title() -> None:
    for key in ("uid", "title"):
        assert len({page[key] for page in DASHBOARDS.values()}) == len(DASHBOARDS)


@EVERY_PAGE
def test_panels_lie_side_by_side(name: str) -> None:
    cells = []
    for panel in DASHBOARDS[name]["panels"]:
        grid = panel["gridPos"]
        assert 0 <= grid["x"] < grid["x"] + grid["w"] <= WIDTH, panel["title"]
        columns, lines = range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
        cells += list(product(columns, lines))
    assert len(cells) == len(set(cells))


@EVERY_PAGE
def test_a_panel_says_what_it_shows_and_in_which_unit(name: str) -> None:
    for panel in panels(name):
        assert panel["title"]
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        values = [step["value"] for step in steps]
        assert values[0] is None
        assert values[1:] == sorted(values[1:]), panel["title"]
        queries = panel["targets"]
        assert queries
        assert len({query["refId"] for query in queries}) == len(queries)
        assert len(queries) == 1 or all(query["legendFormat"] for query in queries), panel["title"]
    titles = [panel["title"] for panel in panels(name)]
    assert name == "shopper-flink.json" or len(titles) == len(set(titles))


@EVERY_PAGE
def test_the_datasource_is_a_variable(name: str) -> None:
    page = DASHBOARDS[name]
    assert page["templating"]["list"][0]["type"] == "datasource"
    used = [part["datasource"] for panel in panels(name) for part in (panel, *panel["targets"])]
    used += [variable["datasource"] for variable in page["templating"]["list"][1:]]
    assert all(source == DATASOURCE for source in used)


@EVERY_PAGE
def test_queries_name_only_variables_that_there_are(name: str) -> None:
    page = DASHBOARDS[name]
    known = {variable["name"] for variable in page["templating"]["list"]} | {"__rate_interval", "__range"}
    for panel in panels(name):
        for query in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", query["expr"])) <= known, panel["title"]


def test_every_query_is_promql_and_names_our_gauges_rightly() -> None:
    names = {name.replace(".", "_") for name in NAMES}
    names |= {f"branch_{name.replace('.', '_')}" for name in OF_A_BRANCH}
    for metric, _, by in asked():
        if metric.startswith(OURS):
            assert metric.removeprefix(OURS) in names, by
    shown = {metric.removeprefix(OURS) for metric, _, by in asked() if "panel" in by}
    assert {name for name in names if not name.startswith("branch_")} <= shown
    assert {"read", *VERDICTS, "branch_applied"} <= shown


def test_what_is_no_promql_is_found() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        reads("sum(rate(x[5m])")
    query = 'sum by (a) (rate(x{b="c"}[$__rate_interval])) / on () (-y offset 5m)'
    assert reads(query) == [("x", frozenset("ab")), ("y", frozenset())]


@EVERY_ALERT
def test_an_alert_says_how_bad_it_is_since_when_and_where_its_runbook_is(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Shopper[A-Za-z]+", rule["alert"])
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert DURATION.fullmatch(rule.get("for", "0s"))
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert anchor in anchors((ROOT / page).read_text()), f"{page} has no section for {rule['alert']}"


def test_no_two_alerts_have_one_name_and_no_runbook_is_left_over() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))
    linked = {rule["annotations"]["runbook_url"].partition("#")[2] for rule in ALERTS}
    page = (ROOT / "docs/operations.md").read_text()
    assert {anchor for anchor in anchors(page) if anchor.startswith("shopper")} == linked


def test_prometheus_reads_the_rules_from_where_compose_mounts_them() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    mounts = dict(mount.split(":")[:2] for mount in COMPOSE["services"]["prometheus"]["volumes"])
    assert config["rule_files"] == ["rules/*.yml"]
    assert mounts["./deploy/prometheus"] == "/etc/prometheus/rules"
    assert mounts["./deploy/prometheus.yml"] == "/etc/prometheus/prometheus.yml"
    (job,) = (scrape["job_name"] for scrape in config["scrape_configs"])
    (by_job,) = (rule["expr"] for rule in ALERTS if "up{" in rule["expr"])
    assert f'job="{job}"' in by_job


def test_grafana_finds_its_datasource_and_its_dashboards() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/shopper.yaml").read_text())["providers"]
    grafana = COMPOSE["services"]["grafana"]
    assert provider["options"]["path"] == SCREENS
    assert f"./deploy/grafana/dashboards:{SCREENS}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{SCREENS}/") in DASHBOARDS
