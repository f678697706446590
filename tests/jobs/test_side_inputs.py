"""Side inputs by name and by file, in settings and in the job's configuration."""

from pathlib import Path
from typing import Any

import pytest

from events.sides.declaration import SideInput
from events.sources.declaration import Field
from events.sources.problems import SourceError
from jobs.cluster import preflight
from jobs.inputs import sources
from jobs.job_config import JobConfig, JobConfigError
from jobs.settings import SettingsError, load
from jobs.settings.job import job_config
from jobs.side_inputs import shipped, side_inputs
from operators.places import number_of
from tests.jobs.test_job_config import config

pytestmark = pytest.mark.usefixtures("nowhere")

NOW = 1_700_000_000_000
MINE = 'table = "sellers"\ntopic = "shop.sellers"\n[fields]\nkey = "no"\ncategories = "sells"\n'
SELLERS, PRODUCTS = side_inputs(["sellers", "products"])


def test_shipped_ones_go_by_name_and_others_by_their_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    found = side_inputs(["products", str(file)])
    assert [(side.table, side.topic) for side in found] == [
        ("products", "products"),
        ("sellers", "shop.sellers"),
    ]
    assert side_inputs([]) == ()
    assert shipped() == ("products", "profiles", "sellers")


def test_what_is_wrong_with_several_comes_at_once(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(MINE.replace('"sells"', '"sells."'))
    with pytest.raises(SourceError) as caught:
        side_inputs(["product", str(broken), str(tmp_path / "none.toml"), "sellers", "sellers"])
    told = str(caught.value)
    assert told.startswith("what is declared of side inputs cannot be used, for 5 reasons:")
    for part in (
        "side_inputs: name = 'product'; expected one of products, profiles, sellers, or the path",
        f"{broken}: fields.categories.path = 'sells.'; expected a place",
        "none.toml'; expected a readable file of TOML",
        "side input 'sellers': table = 'sellers'; expected another, for an earlier one has it",
        "side input 'sellers': topic = 'sellers'; expected another, for an earlier one has it",
    ):
        assert part in told


def test_a_table_lies_in_one_topic_and_a_topic_holds_one_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    with pytest.raises(SourceError, match=r"reason:\n  side input 'sellers': table = 'sellers'; expected"):
        side_inputs(["sellers", str(file)])
    file.write_text(MINE.replace("shop.sellers", "products"))
    with pytest.raises(SourceError, match=r"reason:\n  side input 'sellers': topic = 'products'; expected"):
        side_inputs(["products", str(file)])


def test_they_go_from_the_settings_into_the_job(nowhere: Path) -> None:
    (nowhere / "shopper.toml").write_text('side_inputs = ["sellers", "products"]\nside_wait_s = 0.5\n')
    settings = load().settings
    assert settings.side_inputs == load({"side_inputs": "sellers, products"}).settings.side_inputs
    assert settings.declared_sides == (SELLERS, PRODUCTS)
    assert settings.topics() == {"snowplow-enriched-good": 0}
    made = job_config(settings, life=NOW, checkpoint_dir="file:///c")
    assert (made.sides, made.side_wait_s) == ((SELLERS, PRODUCTS), 0.5)
    assert made.side_topics == {number_of("sellers"): "sellers", number_of("products"): "products"}
    assert JobConfig.from_json(made.to_json()) == made


def test_without_them_nothing_changes() -> None:
    made = job_config(load().settings, life=NOW, checkpoint_dir="file:///c")
    assert (made.sides, made.side_wait_s, made.side_topics) == ((), 10, {})


@pytest.mark.parametrize(
    ("flags", "setting", "said"),
    [
        ({"side_inputs": "product"}, "side_inputs", "name = 'product'; expected one of products"),
        ({"side_inputs": "products,products"}, "side_inputs", "for an earlier one has it"),
        ({"side_inputs": "products", "topic": "products"}, "side_inputs", "products is a topic of events"),
        (
            {"side_inputs": "sellers,products", "dead_letter_topic": "sellers"},
            "side_inputs",
            "sellers is the topic of dead letters (setting dead_letter_topic)",
        ),
        ({"side_wait_s": "-1"}, "side_wait_s", "greater than or equal to 0"),
        ({"side_wait_s": "61"}, "side_wait_s", "less than or equal to 60"),
        ({"side_wait_s": "nan"}, "side_wait_s", "a number from 0 to 60"),
        ({"side_wait_s": "soon"}, "side_wait_s", "a number from 0 to 60"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(flags: dict[str, str], setting: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(flags)
    assert [problem.setting for problem in caught.value.problems] == [setting]
    assert said in str(caught.value)


def test_a_declared_sources_topic_is_one_of_events(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE.replace("shop.sellers", "interactions"))
    with pytest.raises(SettingsError, match="interactions is a topic of events as well"):
        load({"sources": "interactions", "side_inputs": str(file)})
    with pytest.raises(SettingsError) as caught:
        load({"sources": "interaction", "side_inputs": str(file)})
    assert [problem.setting for problem in caught.value.problems] == ["sources"]


def test_their_topics_must_be_there_before_the_job_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "topics_of", lambda _: {"snowplow-enriched-good", "shopper-dead-letters"})
    monkeypatch.setattr(preflight, "_redis", lambda _: [])
    with pytest.raises(preflight.PreflightError) as caught:
        preflight.preflight(load({"side_inputs": "sellers"}).settings)
    assert "has no topic sellers (side input of sellers); create it first" in str(caught.value)
    preflight.preflight(load().settings)


def sellers_in(topic: str) -> SideInput:
    return SideInput("sellers", topic, {"key": Field("id")})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sides": (sellers_in("snowplow-enriched-good"),)}, "sellers is in snowplow-enriched-good, a topic"),
        ({"sides": (sellers_in("interactions"),), "sources": sources(["interactions"])}, "interactions, a"),
        ({"sides": (sellers_in("shopper-dead-letters"),)}, "in shopper-dead-letters, a topic that has"),
        ({"sides": (SELLERS, sellers_in("sellers"))}, "a topic that has another use; give it one of its own"),
        ({"sides": (SELLERS, sellers_in("others"))}, "side inputs are of sellers, sellers; give each table"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(JobConfigError, match=said):
        config(**more)


def test_topics_whose_numbers_are_the_same_are_refused() -> None:
    assert number_of("plumless") == number_of("buckeroo")
    one, other = sellers_in("plumless"), SideInput("profiles", "buckeroo", {})
    with pytest.raises(JobConfigError, match=r"plumless, buckeroo cannot be told apart by their numbers"):
        config(sides=(one, other))
