"""Context, part of the session branch, in the rolling windows: where and on what the shopper is."""

from features.aggregates import Changes, Latest, Recent
from features.definition import Feature, FeatureView
from features.facts import ContextFact
from features.settings import Definitions


def view(definitions: Definitions) -> FeatureView:
    """The view; every event but untyped actions says something to it."""
    return FeatureView(
        name="context",
        branch="session",
        fact=ContextFact.of,
        features=(
            Feature("shopper_locations", Recent("places"), "Different country/region, most recent first, at most 10.", type="list", unit="country/region"),
            Feature("region_changes", Changes("location"), "Changes of location between consecutive located events, among the last 64.", unit="changes"),
            Feature("device_types", Recent("devices"), "Device types used, sorted.", read="listed", type="list", unit="device type"),
            Feature("latest_device", Latest("device"), "Device type of the latest event that tells one.", type="str", unit="device type"),
            Feature("latest_platform", Latest("platform"), "Platform of the latest event that tells one.", type="str", unit="Snowplow platform"),
        ),
    )  # fmt: skip
