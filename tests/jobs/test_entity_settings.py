"""Settings of entities: what is given reaches the job, what cannot work is refused by name."""

from datetime import timedelta
from typing import Any

import pytest

from features.entities.settings import EntitySettings, SellerWeights, Weights
from features.settings import Definitions
from jobs.job_config import JobConfig, JobConfigError
from jobs.settings.errors import SettingsError
from jobs.settings.job import job_config
from jobs.settings.load import load


def test_without_any_the_job_has_no_entities() -> None:
    assert load({}).settings.entity_settings() == EntitySettings()


def test_what_is_set_reaches_the_job_and_travels_as_json() -> None:
    given = {
        "entities": "item,product",
        "entity_weights": "1,4,6,10",
        "entity_seller_weights": "3,1,9,1",
        "entity_currency": "JPY",
        "entity_price_bounds": "1000,5000,20000",
        "entity_ranking_most": "50",
        "entity_pair_days": "7",
        "entity_days": "90",
    }
    settings = load(given).settings
    made = job_config(settings, checkpoint_dir="file:///tmp/c", life=1)
    assert made.entities == EntitySettings(
        ("item", "product"),
        Weights(1, 4, 6, 10),
        SellerWeights(3, 1, 9, 1),
        "JPY",
        (1000, 5000, 20000),
        50,
        timedelta(days=7),
        timedelta(days=90),
    )
    assert JobConfig.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("given", "told_of"),
    [
        ({"entities": "item,basket"}, "basket"),
        ({"entities": "item", "topology": "branches"}, "fused"),
        ({"entity_weights": "1,2,3"}, "four whole numbers"),
        ({"entity_weights": "1,2,3,-5"}, "whole numbers"),
        ({"entity_seller_weights": "1,2,3,-5"}, "whole numbers"),
        ({"entity_currency": "EURO"}, "ISO 4217"),
        ({"entity_price_bounds": "5,4,9"}, "rise"),
        ({"entity_ranking_most": "0"}, "1 to 1000"),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], told_of: str) -> None:
    with pytest.raises(SettingsError, match=told_of):
        load(given)


@pytest.mark.parametrize(
    ("change", "told_of"),
    [
        ({"entities": EntitySettings(("basket",))}, "basket"),
        ({"entities": EntitySettings(("item",)), "topology": "branches"}, "fused"),
    ],
)
def test_a_job_that_cannot_be_built_says_so(change: dict[str, Any], told_of: str) -> None:
    with pytest.raises(JobConfigError, match=told_of):
        JobConfig(
            kafka_bootstrap="k:1", redis_url="redis://r", checkpoint_dir="file:///c", life=1,
            definitions=Definitions(), **change,
        )  # fmt: skip
