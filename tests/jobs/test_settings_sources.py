"""Where settings come from, and what is said when one cannot be used."""

from pathlib import Path

import pytest

from features.settings import Definitions
from jobs.settings import Origin, SettingsError, load
from jobs.settings.secret import shown

pytestmark = pytest.mark.usefixtures("nowhere")


def problems(**flags: object) -> dict[str, str]:
    """What is wrong, by setting."""
    with pytest.raises(SettingsError) as caught:
        load(flags)
    return {problem.setting: str(problem) for problem in caught.value.problems}


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "shopper.toml").write_text(
        'topic = "of-file"\njob_name = "of-file"\nredis_prefix = "of-file:"\n'
    )
    monkeypatch.setenv("SHOPPER_TOPIC", "of-environment")
    monkeypatch.setenv("SHOPPER_JOB_NAME", "of-environment")
    loaded = load({"topic": "of-flag", "batch_ms": None})
    settings, origins = loaded.settings, loaded.origins
    assert (settings.topic, origins["topic"]) == ("of-flag", Origin("flag", "--topic"))
    assert (settings.job_name, str(origins["job_name"])) == ("of-environment", "environment SHOPPER_JOB_NAME")
    assert (settings.redis_prefix, str(origins["redis_prefix"])) == ("of-file:", "file shopper.toml")
    assert (settings.batch_ms, str(origins["batch_ms"])) == (100, "default")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPPER_TOPIC", "")
    assert load().origins["topic"].source == "default"


def test_text_gives_the_same_settings_as_toml(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = nowhere / "other.toml"
    file.write_text(
        'app_ids = ["web", "app"]\nexclude_robots = true\nstart = 2026-01-31T08:00:00Z\n'
        'windows = [{ label = "2min", size_s = 120, pane_s = 10 }]\n'
    )
    with monkeypatch.context() as environment:
        environment.setenv("SHOPPER_WINDOWS", '[{"label": "2min", "size_s": 120, "pane_s": 10}]')
        environment.setenv("SHOPPER_EXCLUDE_ROBOTS", "true")
        of_text = load({"app_ids": "web, app", "start": "2026-01-31T09:00:00+01:00"}).settings
    assert load(file=file).settings == of_text


def test_settings_never_change() -> None:
    settings = load().settings
    with pytest.raises(ValueError, match="frozen"):
        settings.topic = "other"


def test_the_default_meaning_is_that_of_the_catalogue() -> None:
    assert load().settings.definitions() == Definitions()


def test_all_problems_come_at_once_each_with_value_source_and_remedy(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nowhere / "shopper.toml").write_text('buckets = 0\ntopik = "orders"\n')
    monkeypatch.setenv("SHOPPER_PARALLELISM", "many")
    monkeypatch.setenv("SHOPPER_REDIS_PREFIKS", "shop1:")
    found = problems(topology="fuse", kafka_bootstrap="localhost")
    assert set(found) == {"buckets", "topik", "parallelism", "redis_prefiks", "topology", "kafka_bootstrap"}
    assert "'many' (environment SHOPPER_PARALLELISM)" in found["parallelism"]
    assert (
        "a whole number from 1 to 128. Set it by --parallelism, SHOPPER_PARALLELISM" in found["parallelism"]
    )
    assert "= '0' (file shopper.toml)" in found["buckets"]
    assert "no such setting.\n    Did you mean topic?" in found["topik"]
    assert "Did you mean redis_prefix?" in found["redis_prefiks"]
    assert "flag --topology" in found["topology"]
    assert "not host:port" in found["kafka_bootstrap"]


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPPER_BADGE_COLOUR", "red")
    load()


@pytest.mark.parametrize(
    ("text", "said"),
    [("topic = ", "not TOML"), ('[windows]\nlabel = "1h"\n', "windows"), ("buckets = 'x'", "buckets = 'x'")],
)
def test_a_file_that_cannot_be_used_is_named(nowhere: Path, text: str, said: str) -> None:
    (nowhere / "shopper.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"shopper\.toml") as caught:
        load()
    assert said in str(caught.value)


def test_a_file_that_was_named_must_exist(nowhere: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        load(file=nowhere / "none.toml")


def test_a_pane_that_does_not_tile_its_window_is_refused() -> None:
    found = problems(windows='[{"label": "5min", "size_s": 300, "pane_s": 7}]')
    assert "windows[0].pane_s = '7'" in found["windows[0].pane_s"]
    assert "not a multiple" in found["windows[0].pane_s"]


@pytest.mark.parametrize(
    "windows",
    [
        "[]",
        "5min",
        '[{"label": "session", "size_s": 60, "pane_s": 60}]',
        '[{"label": "a", "size_s": 60, "pane_s": 60}, {"label": "a", "size_s": 120, "pane_s": 60}]',
    ],
)
def test_windows_have_labels_of_their_own(windows: str) -> None:
    assert "windows" in problems(windows=windows)


def test_a_layout_shows_what_is_there_and_by_names_of_its_own() -> None:
    definitions = load({"layout": "live-shopper"}).settings.definitions()
    assert definitions == Definitions(live_shopper=True)
    twice = '[{"label": "5m", "size_s": 300, "pane_s": 10}, {"label": "5min", "size_s": 600, "pane_s": 10}]'
    assert load({"windows": twice}).settings.layout == "own"
    said = problems(layout="live-shopper", windows=twice)["layout"]
    assert "would call two of the windows ['5m', '5min'] by one name" in said
    assert "session_keys is false" in problems(layout="live-shopper", session_keys=False)["layout"]
    assert set(problems(layout="live-shopper", windows="[]")) == {"windows"}
    assert "own or live-shopper" in problems(layout="both")["layout"]


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        ('{"label": "b", "size_s": 300, "pane_s": 60}', "a size_s of at least 310"),
        ('{"label": "b", "size_s": 600, "pane_s": 15}', "a pane_s that is a multiple of 10"),
    ],
)
def test_windows_nest(second: str, wanted: str) -> None:
    found = problems(windows=f'[{{"label": "a", "size_s": 300, "pane_s": 10}}, {second}]')["windows"]
    assert "'a' and 'b' do not nest" in found
    assert wanted in found


def test_a_login_is_whole_or_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(kafka_security_protocol="SASL_SSL")
    assert set(found) == {"kafka_sasl_user", "kafka_sasl_password"}
    assert "--kafka-sasl-password" not in found["kafka_sasl_password"]
    monkeypatch.setenv("SHOPPER_KAFKA_SASL_PASSWORD", "hunter2")
    load({"kafka_security_protocol": "SASL_SSL", "kafka_sasl_user": "shop"})


def test_no_password_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPPER_KAFKA_SASL_PASSWORD", "hunter2")
    loaded = load({"redis_url": "redis://shop:hunter2@cache:6379/0"})
    texts = [*loaded.shown().values(), repr(loaded.settings.kafka_sasl_password)]
    assert not any("hunter2" in text for text in texts)
    wrong = problems(redis_url="redi://shop:hunter2@cache", kafka_sasl_mechanism="none")
    assert "hunter2" not in "".join(wrong.values())
    assert loaded.shown()["redis_url"] == "redis://shop:****@cache:6379/0"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hun/ter2@w@cache:6379",
        "redis:/u:hunter2@cache",
        "rediss://hunter2@cache",
        "redis://cache/0?password=hunter2",
    ],
)
def test_passwords_in_odd_urls_are_masked_too(url: str) -> None:
    assert "hun" not in shown(url)
