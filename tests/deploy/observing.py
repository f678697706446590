"""The dashboards and alerts as they are deployed, and which metrics their queries name."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser
import yaml
from prometheus_client.samples import Sample

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARDS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text()) for path in sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
}
ALERTS: list[dict[str, Any]] = [
    rule
    for path in sorted((DEPLOY / "prometheus").glob("*.yml"))
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
]
OF_THE_API = "shopper_api_"
OF_PROMETHEUS = {
    "up": "whether a scrape succeeded",
    "ALERTS": "what its rules found",
}
"""Made by Prometheus itself, so in no scrape. All others must be there."""
_FOR_VARIABLES = {"$__rate_interval": "1m", "$__range": "1h"}
_LEGEND = re.compile(r"\{\{(\w+)\}\}")
_LABEL = re.compile(r"\$labels\.(\w+)")
_METRIC = re.compile(r"label_values\((\w+),\s*(\w+)\)")


class Asked(NamedTuple):
    """A metric, the labels that it must have, and who asks for it."""

    metric: str
    labels: frozenset[str]
    by: str


Labels = list[dict[str, str]]
"""Of each series of a metric."""


def labels_of(scrape: Iterable[Sample]) -> dict[str, Labels]:
    """The labels of every series, by the metric's name."""
    found: defaultdict[str, Labels] = defaultdict(list)
    for sample in scrape:
        found[sample.name].append(sample.labels)
    return dict(found)


def missing_in(labels: Mapping[str, Labels], asks: Iterable[Asked]) -> list[str]:
    """What is asked for and was not scraped: the metric, or a label of it."""
    missing = []
    for metric, wanted, by in asks:
        if metric in OF_PROMETHEUS:
            continue
        if metric not in labels:
            missing.append(f"{by}: {metric} is in no scrape")
        elif lacking := {label for each in labels[metric] for label in wanted - each.keys()}:
            missing.append(f"{by}: {metric} has no label {', '.join(sorted(lacking))}")
    return missing


def reads(query: str) -> list[tuple[str, frozenset[str]]]:
    """Each metric that a query reads, with the labels it is chosen or grouped by.

    It raises ValueError where the query is no PromQL.
    """
    for variable, value in _FOR_VARIABLES.items():
        query = query.replace(variable, value)
    return list(_reads(promql_parser.parse(query), frozenset()))


def asked() -> Iterator[Asked]:
    """All that dashboards and alerts ask for."""
    for name, page in DASHBOARDS.items():
        for panel in page["panels"]:
            for target in panel.get("targets", ()):
                shown = _LEGEND.findall(target["legendFormat"])
                yield from _asked(target["expr"], f"{name}, panel {panel['title']!r}", shown)
        for variable in page["templating"]["list"]:
            if variable["type"] == "query":
                match = _METRIC.fullmatch(variable["query"]["query"])
                assert match, f"{name}, variable {variable['name']}: {variable['query']['query']}"
                yield Asked(match[1], frozenset({match[2]}), f"{name}, variable {variable['name']}")
    for rule in ALERTS:
        shown = _LABEL.findall(rule["annotations"]["summary"])
        yield from _asked(rule["expr"], f"alert {rule['alert']}", shown)


def _asked(query: str, by: str, shown: Iterable[str]) -> Iterator[Asked]:
    for place, (metric, labels) in enumerate(reads(query)):
        # What is shown comes from the first; Prometheus adds `instance` to whatever it scrapes.
        more = frozenset(shown) - {"instance"} if not place else frozenset()
        yield Asked(metric, labels | more, by)


def _reads(node: promql_parser.Expr, labels: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    match node:
        case promql_parser.VectorSelector():
            assert node.name, f"{node} chooses by labels alone"
            yield node.name, labels | {matcher.name for matcher in node.matchers.matchers}
        case promql_parser.MatrixSelector():
            yield from _reads(node.vector_selector, labels)
        case promql_parser.AggregateExpr():
            yield from _reads(node.expr, labels | _grouping(node))
        case promql_parser.BinaryExpr():
            yield from _reads(node.lhs, labels)
            yield from _reads(node.rhs, labels)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            yield from _reads(node.expr, labels)
        case promql_parser.Call():
            for argument in node.args:
                yield from _reads(argument, labels)


def _grouping(node: promql_parser.AggregateExpr) -> frozenset[str]:
    modifier = node.modifier
    if modifier is None or modifier.type != promql_parser.AggModifierType.By:
        return frozenset()
    return frozenset(modifier.labels)
