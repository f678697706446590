"""The `shopper` commands that need no server: what they print, and how they end."""

import gzip
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from events.decoder import Decoder
from events.event import Event
from features.catalogue import entries, render
from features.logic import ShopperLogic
from features.replay import Replay
from jobs.cli import docs
from jobs.cli.group import COMMANDS
from jobs.cli.main import app
from jobs.durations import span
from jobs.settings import Settings, load
from shopper_reader import Catalogue
from shopper_reader.asking import Asking
from shopper_reader.links import PoolLink
from sinks.codec import fields_of, key_of, meta_of

DATA = Path(__file__).parents[1] / "data"
TSV = DATA / "snowplow-ecommerce" / "events.enriched.tsv.gz"
SDK = DATA / "snowplow-ecommerce" / "events.sdk.jsonl.gz"
CHECKOUT = DATA / "live-shopper-example" / "successful_checkout.jsonl"


pytestmark = pytest.mark.usefixtures("nowhere")


def shopper(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(result: Result) -> dict[str, dict[str, str]]:
    lines = map(json.loads, result.stdout.splitlines())
    return {line["key"]: line["fields"] for line in lines}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command: str) -> None:
    result = shopper(command, "--help")
    assert result.exit_code == 0
    assert f"shopper {command}" in result.stdout
    assert "Exit codes" in result.stdout
    assert "Examples" in result.stdout


def test_help_lists_every_command() -> None:
    listed = shopper("--help").stdout
    assert all(command in listed for command in COMMANDS)


def test_an_unknown_command_is_wrong_usage() -> None:
    assert shopper("sumbit").exit_code == 2


def test_wrong_settings_end_with_code_2_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPPER_PARALLELISM", "many")
    result = shopper("config", "--buckets", "3")
    assert result.exit_code == 2
    assert "2 settings cannot be used" in result.stderr
    assert "flag --buckets" in result.stderr
    assert "environment SHOPPER_PARALLELISM" in result.stderr


def test_config_tells_value_and_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPPER_KAFKA_SASL_PASSWORD", "hunter2")
    result = shopper("config", "--json", "--topic", "orders", "--exclude-robots")
    told = json.loads(result.stdout)
    assert told["topic"] == {"value": "orders", "origin": "flag --topic"}
    assert told["exclude_robots"] == {"value": "true", "origin": "flag --exclude-robots"}
    assert told["kafka_sasl_password"]["value"] == "****"
    assert set(told) == set(Settings.model_fields)
    assert "flag --topic" in shopper("config", "--topic", "orders").stdout


def test_the_template_holds_every_default(nowhere: Path) -> None:
    template = shopper("config", "--toml").stdout
    (nowhere / "shopper.toml").write_text(template)
    assert " shopper.toml" not in shopper("config").stdout
    defaults = load().shown()
    (nowhere / "shopper.toml").write_text(re.sub(r"^# ([a-z_]+ = )", r"\1", template, flags=re.MULTILINE))
    loaded = load()
    assert {origin.source for origin in loaded.origins.values()} == {"file"}
    assert loaded.shown() == defaults


def test_features_is_the_catalogue() -> None:
    assert shopper("features", "--markdown").stdout == render()
    names = [json.loads(line)["name"] for line in shopper("features", "--json").stdout.splitlines()]
    assert names == [entry.name for entry in entries()]
    assert "cart_value" in shopper("features").stdout


def test_the_readers_catalogue_follows_the_settings(nowhere: Path) -> None:
    windows = '[{"label": "2min", "size_s": 120, "pane_s": 10}]'
    told = shopper("features", "--catalogue", "--windows", windows, "--session-gap-min", "5").stdout
    (nowhere / "catalogue.json").write_text(told)
    catalogue = Catalogue.read("catalogue.json")
    assert catalogue.labels == ("2min", "session")
    assert (catalogue.window["2min"].pane_ms, catalogue.session_gap_ms) == (10_000, 300_000)
    assert [feature.name for feature in catalogue.features] == [entry.name for entry in entries()]


@pytest.mark.parametrize("file", [TSV, SDK])
def test_replay_prints_what_the_logic_says(file: Path) -> None:
    result = shopper("replay", file, "--json")
    decode = Decoder().decode
    replay = Replay(ShopperLogic())
    raws = gzip.decompress(TSV.read_bytes()).splitlines()
    replay.feed(event for event in map(decode, raws) if isinstance(event, Event))
    assert printed(result) == {key_of(row): fields_of(row) | meta_of(row, life=0) for row in replay.rows()}
    assert result.stdout.splitlines() == sorted(result.stdout.splitlines())
    assert "read 833 = applied 832 + filtered 1 + duplicate 0 + late 0 + dead 0\n" in result.stderr


def test_replay_reads_plain_and_gzipped_alike_whatever_the_name(nowhere: Path) -> None:
    (nowhere / "plain.gz").write_bytes(gzip.decompress(TSV.read_bytes()).replace(b"\n", b"\r\n\n"))
    assert shopper("replay", "plain.gz", "--json").stdout == shopper("replay", TSV, "--json").stdout


def test_replay_as_of_leaves_out_what_comes_after() -> None:
    result = shopper("replay", CHECKOUT, "--as-of", "2025-03-26T10:57:00Z", "--json", "--redis-prefix", "a:")
    keys = printed(result)
    assert keys
    assert all(key.startswith("a:") for key in keys)
    assert all(int(f["session_start"]) <= 1742986620000 for f in keys.values() if "session_start" in f)
    assert "left out, after --as-of: " in result.stderr


def test_replay_follows_the_settings_of_meaning() -> None:
    windows = '[{"label": "2min", "size_s": 120, "pane_s": 10}]'
    keys = printed(shopper("replay", CHECKOUT, "--json", "--windows", windows, "--no-session-keys"))
    assert {key.rpartition(":")[2] for key in keys} == {"2min", "session"}


def test_replay_accounts_for_what_it_cannot_use(nowhere: Path) -> None:
    good = CHECKOUT.read_bytes().splitlines()[0]
    (nowhere / "some").write_bytes(b"\n".join([good, b"nonsense", good, b"{}"]))
    result = shopper("replay", "some", "--json")
    assert result.exit_code == 0
    assert "read 4 = applied 1 + filtered 0 + duplicate 1 + late 0 + dead 2\n" in result.stderr
    assert "1 dead: record: expected 131 fields" in result.stderr


def test_replay_for_people_is_a_table() -> None:
    result = shopper("replay", CHECKOUT)
    assert "5min" in result.stdout
    assert "product_view_count" in result.stdout
    assert "shopper@example.com: 26 records" in result.stdout
    assert "more shoppers" not in result.stdout


def test_replay_shows_the_shoppers_with_most_records(nowhere: Path) -> None:
    records = CHECKOUT.read_bytes().splitlines()
    events = [Decoder().decode(raw) for raw in records]
    before = next(
        raw for raw, e in zip(records, events, strict=True) if isinstance(e, Event) and not e.user_id
    )
    (nowhere / "two").write_bytes(b"\n".join([*records, before.replace(b"67430c52", b"another")]))
    result = shopper("replay", "two", "--shoppers", 1)
    assert "shopper@example.com: 26 records" in result.stdout
    assert "1 more shoppers" in result.stdout


def test_a_replay_counts_for_the_user_what_the_device_did_before_the_login() -> None:
    apart, together = (
        printed(shopper("replay", CHECKOUT, "--json", "--identity", mode)) for mode in ("off", "merge")
    )
    assert together == printed(shopper("replay", CHECKOUT, "--json"))
    users = {
        mode: {key for key in rows if key.startswith("user:")}
        for mode, rows in (("off", apart), ("merge", together))
    }
    assert users["merge"] < users["off"]
    row = "user:shopper@example.com:features:session"
    assert int(together[row]["event_count"]) == int(apart[row]["event_count"]) + sum(
        int(apart[key]["event_count"]) for key in users["off"] - users["merge"] if key.endswith(":session")
    )


def test_replay_of_a_damaged_file_fails_with_its_name(nowhere: Path) -> None:
    (nowhere / "cut.gz").write_bytes(TSV.read_bytes()[:5000])
    result = shopper("replay", "cut.gz")
    assert result.exit_code == 1
    assert "cut.gz" in result.stderr
    assert shopper("replay", "none").exit_code == 2


def test_pacing_without_a_topic_is_wrong_usage() -> None:
    assert shopper("replay", CHECKOUT, "--rate", 5).exit_code == 2
    assert shopper("replay", CHECKOUT, "--as-of", "yesterday").exit_code == 2


HASH = {
    "_v": "01700000000000.000000000042.01700000000500",
    "_at": "1700000000500",
    "_next": "1700000001000",
    "_until": "9999999999999",
    "_seen": "42",
    "product_view_count": "3",
}


def answers(monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], window: str) -> None:
    """Let Redis hold one hash, no reports, and stand at a certain time."""
    flat = [word.encode() for pair in fields.items() for word in pair]

    def exchange(_self: object, asking: Asking) -> list[object]:
        keys = [command[1].decode() for command in asking.keyed]
        return [*(flat if key.endswith(window) else [] for key in keys), (b"1700000000", b"500000")]

    monkeypatch.setattr(PoolLink, "exchange", exchange)


def test_get_shows_features_with_their_age(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, HASH, ":1h")
    table = shopper("get", "ann").stdout
    assert "product_view_count" in table
    assert "STALE" in table
    assert "no job reports under this name" in table
    assert json.loads(shopper("get", "ann", "--json").stdout) == {"1h": HASH}


def test_get_tells_absence_from_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, HASH | {"_until": "5"}, "")
    nobody = shopper("get", "ann", "--redis-url", "redis://u:hunter2@cache:1/0")
    assert nobody.exit_code == 3
    assert "hunter2" not in nobody.stderr
    assert "'ann'" in nobody.stderr

    def down(_self: object, _asking: Asking) -> None:
        msg = "connection refused"
        raise OSError(msg)

    monkeypatch.setattr(PoolLink, "exchange", down)
    failed = shopper("get", "ann", "--redis-url", "redis://u:hunter2@cache:1/0")
    assert failed.exit_code == 1
    assert "redis://cache:1 does not answer" in failed.stderr


def test_a_span_is_told_in_its_largest_unit() -> None:
    assert [span(ms) for ms in (0, 999, 2500, 200_000, 11_000_000)] == [
        "0 ms",
        "999 ms",
        "2 s",
        "3 min",
        "3 h",
    ]


def test_submit_wants_a_folder_for_checkpoints() -> None:
    result = shopper("submit")
    assert result.exit_code == 2
    assert "checkpoint_dir" in result.stderr


def test_submit_tells_at_once_that_nobody_is_there() -> None:
    result = shopper(
        "submit", "--checkpoint-dir", "file:///state", "--jobmanager", "127.0.0.1:1", "--no-preflight"
    )
    assert result.exit_code == 1
    assert "127.0.0.1:1 does not answer" in result.stderr


def test_docs_check_compares_with_the_code(monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> None:
    monkeypatch.setattr(docs, "FOLDER", nowhere)
    assert shopper("docs", "--check").exit_code == 1
    assert shopper("docs").exit_code == 0
    assert shopper("docs", "--check").exit_code == 0
    assert (nowhere / "docs" / "features.md").read_text() == render()
    assert "| `topic` |" in (nowhere / "docs" / "settings.md").read_text()


def test_replay_loads_neither_flink_nor_kafka() -> None:
    program = "import sys, jobs.cli.replay; print([m for m in ('pyflink', 'kafka') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=DATA.parents[1],
    )
    assert done.stdout == "[]\n"


def test_a_wrong_setting_is_said_once_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, nowhere: Path
) -> None:
    monkeypatch.setenv("SHOPPER_REDIS_URL", "nonsense")
    said = shopper("config").stderr
    assert said.count("redis+cluster://") == 1
    assert "its scheme is unknown" in said
    monkeypatch.delenv("SHOPPER_REDIS_URL")
    assert "a folder, not a file" in shopper("config", "--config", nowhere).stderr
    assert "no such file" in shopper("config", "--config", nowhere / "none").stderr


@pytest.mark.parametrize("flags", [(), ("--to-kafka",)])
def test_of_several_files_the_damaged_one_is_named(nowhere: Path, flags: tuple[str, ...]) -> None:
    (nowhere / "cut.gz").write_bytes(TSV.read_bytes()[:5000])
    result = shopper("replay", CHECKOUT, "cut.gz", *flags)
    assert result.exit_code == 1
    assert "cannot read cut.gz" in result.stderr
    assert CHECKOUT.name not in result.stderr


def test_a_replay_of_nothing_but_dead_records_fails(nowhere: Path) -> None:
    (nowhere / "bad").write_bytes(b"nonsense\n{}\n")
    result = shopper("replay", "bad", "--json")
    assert result.exit_code == 1
    assert "none of the records gave an event" in result.stderr


def test_a_replay_forgets_who_is_to_be_forgotten(nowhere: Path) -> None:
    good = CHECKOUT.read_bytes().splitlines()
    owner = next(iter(printed(shopper("replay", CHECKOUT, "--json")))).split(":")[1]
    record = b'{"shopper_features_control":{"action":"forget","shopper":"nobody"}}'
    (nowhere / "some").write_bytes(b"\n".join([*good, record]))
    result = shopper("replay", "some", "--json")
    assert f"applied {len(good) + 1} " in result.stderr
    assert any(owner in key for key in printed(result))


@pytest.mark.parametrize("command", [("replay", str(CHECKOUT), "--json"), ("features",)])
def test_output_without_room_ends_without_a_traceback(nowhere: Path, command: tuple[str, ...]) -> None:
    program = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))"
    program += "; from jobs.cli.main import main; main()"
    # Unbuffered, Python passes over a write that was cut short.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with (nowhere / "out").open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-c", program, *command],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env=environment,
            cwd=DATA.parents[1],
        )
    assert done.returncode == 1
    assert "cannot write the output: File too large" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_tells_before_it_starts_anything_that_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = shopper("demo", "--port", port)
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 cannot be had" in result.output
    assert "starts" not in result.output
