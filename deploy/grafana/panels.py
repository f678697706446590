"""What a Grafana dashboard is made of: panels that flow into rows, and the JSON that is provisioned."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

WIDTH: Final = 24
"""Columns of a dashboard."""
SCHEMA: Final = 41
"""Version of the JSON's schema; Grafana brings older ones up to its own."""
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True)
class Query:
    """A line (or number) of a panel."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """Numbers over time, or with `stat` the last one."""

    title: str
    doc: str
    """What it shows and what to do: shown beside the title."""
    queries: tuple[Query, ...]
    unit: str = "short"
    """One of Grafana's ids of units."""
    warn: float | None = None
    """From here on yellow."""
    bad: float | None = None
    """From here on red."""
    below: bool = False
    """Whether less is worse, so that `warn` and `bad` are where yellow and green begin."""
    stat: bool = False
    width: int = 12
    stack: bool = False
    most: float | None = None
    """Upper end of the axis."""

    @property
    def height(self) -> int:
        """In rows of the grid."""
        return 4 if self.stat else 8

    def to_json(self, number: int, x: int, y: int) -> dict[str, Any]:
        """The panel as Grafana reads it."""
        defaults: dict[str, Any] = {"unit": self.unit, "thresholds": self._thresholds()}
        if self.stat:
            defaults["color"] = {"mode": "thresholds"}
            # Nothing to show is a finding, too.
            defaults["noValue"] = "no data"
            options: dict[str, Any] = {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "area",
                "textMode": "auto",
            }
        else:
            defaults["min"] = 0
            defaults["custom"] = {
                "lineWidth": 1,
                "fillOpacity": 40 if self.stack else 10,
                "showPoints": "never",
                "spanNulls": False,
                "stacking": {"mode": "normal" if self.stack else "none", "group": "A"},
                "thresholdsStyle": {"mode": "off" if self._plain else "dashed"},
            }
            options = {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }
        if self.most is not None:
            defaults["max"] = self.most
        return {
            "id": number,
            "type": "stat" if self.stat else "timeseries",
            "title": self.title,
            "description": self.doc,
            "datasource": SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": options,
            "targets": [
                {"refId": chr(ord("A") + i), "expr": q.expr, "legendFormat": q.legend, "datasource": SOURCE}
                for i, q in enumerate(self.queries)
            ],
        }

    @property
    def _plain(self) -> bool:
        return self.warn is None and self.bad is None

    def _thresholds(self) -> dict[str, Any]:
        given = [(self.warn, "yellow"), (self.bad, "red")]
        first = "green"
        if self.below:
            first, given = "red", [(self.bad, "yellow"), (self.warn, "green")]
        steps: list[dict[str, Any]] = [{"color": first, "value": None}]
        steps += [{"color": color, "value": value} for value, color in given if value is not None]
        return {"mode": "absolute", "steps": steps}


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Dashboard:
    """A page. `variables` are those beside the datasource: name to (label, query)."""

    uid: str
    title: str
    doc: str
    rows: tuple[Row, ...]
    variables: dict[str, tuple[str, str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The page as Grafana reads it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.doc,
            "tags": ["shopper-features"],
            "timezone": "browser",
            "schemaVersion": SCHEMA,
            "version": 1,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "10s",
            "time": {"from": "now-30m", "to": "now"},
            "links": [
                {
                    "type": "dashboards",
                    "title": "Shopper features",
                    "tags": ["shopper-features"],
                    "asDropdown": True,
                    "includeVars": True,
                    "keepTime": True,
                }
            ],
            "templating": {"list": list(self._variables())},
            "panels": list(_laid_out(self.rows)),
        }

    def _variables(self) -> Iterator[dict[str, Any]]:
        yield {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
        for name, (label, query) in self.variables.items():
            yield {
                "name": name,
                "label": label,
                "type": "query",
                "datasource": SOURCE,
                "query": {"query": query, "refId": name},
                # When the time range changes: a job may have begun since.
                "refresh": 2,
                "sort": 1,
            }


def _laid_out(rows: Iterable[Row]) -> Iterator[dict[str, Any]]:
    number = y = 0
    for row in rows:
        number += 1
        grid = {"h": 1, "w": WIDTH, "x": 0, "y": y}
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": grid,
            "panels": [],
        }
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            number += 1
            yield panel.to_json(number, x, y)
            x, height = x + panel.width, max(height, panel.height)
        y += height
