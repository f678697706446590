"""`shopper replay --source`: a file of a declared source's records."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jobs.cli.main import app
from jobs.inputs import shipped

pytestmark = pytest.mark.unit

AT = 1_709_640_000
CLICKS = [
    {"user_id": 7, "product_id": 1, "event_type": kind, "timestamp": AT + second, "session_id": "s"}
    for second, kind in enumerate(("view", "view", "add_to_cart", "gone"))
]


@pytest.fixture(autouse=True)
def clicks(nowhere: Path) -> None:
    """A file of such records in the working directory."""
    (nowhere / "clicks.jsonl").write_text("\n".join(map(json.dumps, CLICKS)), encoding="utf-8")


def replayed(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["replay", "clicks.jsonl", *arguments])


def test_records_of_a_shipped_source_become_features() -> None:
    result = replayed("--source", "clickstream-events", "--json")
    rows = {line["key"]: line["fields"] for line in map(json.loads, result.stdout.splitlines())}
    row = rows["user:7:features:5min"]
    assert (row["product_view_count"], row["cart_add_count"]) == ("2", "1")
    assert row["_at"] == str((AT + 2) * 1000)
    assert "read 4 = applied 3 + filtered 0 + duplicate 0 + late 0 + dead 1\n" in result.stderr
    assert "event_type" in result.stderr


def test_a_declaration_of_the_shops_own_is_named_by_its_file() -> None:
    declared = """
        name = "till"
        topic = "till"
        [fields]
        event_id = { made_from = "position" }
        at = { path = "timestamp", unit = "seconds", required = true }
        user_id = { path = "user_id", type = "integer", required = true }
        kind = { path = "event_type", values = { view = "product_view" }, other = "other" }
        [products]
        id = { path = "product_id", type = "integer" }
    """
    Path("till.toml").write_text(declared, encoding="utf-8")
    result = replayed("--source", "till.toml")
    assert result.exit_code == 0, result.stderr
    assert "7: 4 records" in result.stdout


def test_an_unknown_source_is_told_with_the_known_ones() -> None:
    result = replayed("--source", "clicks")
    assert result.exit_code == 1
    assert "'clicks'" in result.stderr
    assert all(name in result.stderr for name in shipped())


def test_records_of_another_source_are_told_as_such() -> None:
    result = replayed("--source", "interactions")
    assert result.exit_code == 1
    assert "are they records of the source interactions, one a line?" in result.stderr


def test_what_is_not_snowplows_is_not_moved_to_now() -> None:
    result = replayed("--source", "clickstream-events", "--to-kafka")
    assert result.exit_code == 2
    assert "leave --source" in " ".join(result.stderr.replace("│", " ").split())
