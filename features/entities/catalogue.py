"""The part of the catalogue that tells of entities beyond the shopper, read from their views."""

from dataclasses import replace
from typing import Final

from features.definition import Derived
from features.entities.definition import RANKING, EntityFeature, EntityView
from features.entities.settings import EntitySettings
from features.entities.views import VIEWS, entity_views

_INTRODUCTION: Final = """\
## Entities beyond the shopper

Where the setting `entities` names their views ([what they count](entities.md)). Conventions are those above.
A sorted set holds scores of members, the greatest first by `ZREVRANGE`.
"""


def render_entities(settings: EntitySettings | None = None) -> str:
    """Every view that there is, as Markdown."""
    settings = replace(settings or EntitySettings(), views=tuple(VIEWS))
    return "\n".join([_INTRODUCTION, *[_section(view) for view in entity_views(settings) if not view.gives]])


def _section(view: EntityView) -> str:
    pace = "with every batch" if view.every_ms == 0 else f"at most every {view.every_ms / 1000:g} s"
    lines = [
        f"### {view.name}: `{view.pattern()}`",
        "",
        f"Written {pace}; gone {view.expiry.days} days after its last interaction.",
        "",
        "| feature | type | unit | meaning |",
        "|---|---|---|---|",
        *[_line(feature) for feature in view.public() if feature.type != RANKING],
        *[
            f"| `{view.pattern(feature.name)}` | sorted set | {feature.unit} | {feature.doc} |"
            for feature in view.public()
            if feature.type == RANKING
        ],
        *[f"| `{':'.join(each.key)}` | sorted set | weight | {each.doc} |" for each in view.leaders],
    ]
    return "\n".join(lines) + "\n"


def _line(feature: EntityFeature | Derived) -> str:
    return f"| `{feature.name}` | {feature.type} | {feature.unit or '–'} | {feature.doc} |"
