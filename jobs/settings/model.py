"""Every setting: its type, default, meaning and what is expected of it."""

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from events.decoder import Decoder
from events.hashing import hashing_key
from events.page import SearchRule
from events.sides.declaration import SideInput
from events.sources.declaration import Source
from features.entities.settings import EntitySettings, SellerWeights, Weights
from features.settings import Definitions
from jobs.inputs import sources as declared_sources
from jobs.settings.entities import (
    NAMES,
    check_bounds,
    check_currency,
    check_seller_weights,
    check_views,
    check_weights,
)
from jobs.settings.parse import (
    as_absent,
    as_items,
    as_json,
    as_start,
    check_bootstrap,
    check_buckets,
    check_rate,
    check_redis_url,
)
from jobs.settings.windows import DEFAULT_WINDOWS, WindowSetting, check_all
from jobs.side_inputs import side_inputs as declared_sides
from operators.places import number_of
from serving.api.terms import SHORTEST_TOKEN
from sinks.live_shopper import window_name

ENVIRONMENT_PREFIX = "SHOPPER_"
SHORTEST_KEY = 16
OWN = "own"

Items = Annotated[tuple[str, ...], BeforeValidator(as_items)]
FourNumbers = Annotated[tuple[int, int, int, int], BeforeValidator(as_items)]
SecretItems = Annotated[tuple[SecretStr, ...], BeforeValidator(as_items)]
Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def _setting(default: Any, says: str, expects: str, **constraints: Any) -> Any:
    """Declare a setting: its meaning, and what is expected of a value (said when one cannot be used)."""
    return Field(default, description=says, json_schema_extra={"expects": expects}, **constraints)


class Settings(BaseSettings):
    """Frozen; built by `jobs.settings.load` at the edge and passed inwards. Names end in their unit."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        hide_input_in_errors=True,
        enable_decoding=False,
        env_ignore_empty=True,
        env_prefix=ENVIRONMENT_PREFIX,
    )

    kafka_bootstrap: Annotated[str, BeforeValidator(check_bootstrap)] = _setting(
        "localhost:9092", "Kafka brokers to ask first.", "host:port, several separated by commas"
    )
    topic: str = _setting(
        "snowplow-enriched-good",
        "Topic with Snowplow's enriched events; empty (by flag or file): none, only declared sources.",
        "a Kafka topic's name",
        pattern=r"^[A-Za-z0-9._-]{0,249}$",
    )
    sources: Items = _setting(
        (),
        "Declared sources that are read, too, each from a topic of its own (docs/inputs.md).",
        "names of shipped ones, and paths of files that end in .toml, by commas",
    )
    dead_letter_topic: str = _setting(
        "shopper-dead-letters",
        "Topic for records that cannot be used.",
        "a Kafka topic's name",
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
    )
    side_inputs: Items = _setting(
        (),
        "Tables that are kept beside the events, each in a compacted topic of its own (docs/side-inputs.md).",
        "products, sellers, profiles, and paths of files that end in .toml, by commas",
    )
    side_wait_s: float = _setting(
        10,
        "How long an event waits for a catalogue row that its product has not got yet.",
        "a number from 0 to 60",
        ge=0,
        le=60,
    )
    kafka_security_protocol: Protocol = _setting(
        "PLAINTEXT", "How to talk to Kafka.", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: Mechanism = _setting(
        "PLAIN", "How to log in to Kafka.", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"
    )
    kafka_sasl_user: str = _setting("", "User for Kafka.", "a name; the protocols SASL_* need one")
    kafka_sasl_password: SecretStr = _setting(
        SecretStr(""),
        "Password for Kafka (no flag: process lists show flags).",
        "the protocols SASL_* need one",
    )
    kafka_ca_file: Annotated[Path | None, BeforeValidator(as_absent)] = _setting(
        None, "PEM file with the authority that signed the brokers' certificates.", "a readable PEM file"
    )
    redis_url: Annotated[str, BeforeValidator(check_redis_url)] = _setting(
        "redis://localhost:6379/0",
        "Redis that receives the features.",
        "redis://[user:password@]host:port[/db], redis+sentinel:// or redis+cluster://; rediss for TLS",
    )
    redis_prefix: str = _setting(
        "",
        "What every key begins with, `shop1:` for instance.",
        "text without spaces or braces",
        pattern=r"^[^\s{}]*$",
    )
    job_name: str = _setting(
        "shopper-features",
        "Name of the job, in Flink and in its progress key.",
        "letters, digits, dots and dashes",
        pattern=r"^[A-Za-z0-9._-]+$",
    )
    topology: Literal["fused", "branches"] = _setting(
        "fused", "One keyed operator for all branches, or one a branch.", "fused or branches"
    )
    parallelism: int = _setting(1, "Flink slots to use.", "a whole number from 1 to 128", ge=1, le=128)
    buckets: Annotated[int, AfterValidator(check_buckets)] = _setting(
        16,
        "Virtual shards of the shoppers; part of the state, so choose it once.",
        "a power of two from 1 to 128",
    )
    batch_ms: int = _setting(
        100,
        "How long records are gathered before one call into Python.",
        "a whole number from 1 to 10000",
        ge=1,
        le=10_000,
    )
    jobmanager: Annotated[str, BeforeValidator(check_bootstrap)] = _setting(
        "localhost:8081", "REST address of the Flink cluster that `submit` talks to.", "host:port"
    )
    checkpoint_dir: str = _setting(
        "",
        "Where checkpoints go; `submit` needs one that every TaskManager reaches.",
        "a URI such as s3://bucket/checkpoints or file:///shared/checkpoints",
        pattern=r"^([a-z][a-z0-9+.-]*:/.*)?$",
    )
    state_backend: Literal["hashmap", "rocksdb"] = _setting(
        "hashmap",
        "Where Flink keeps the shoppers: memory, or RocksDB for many millions.",
        "hashmap or rocksdb",
    )
    checkpoint_interval_s: int = _setting(
        10, "Seconds between checkpoints.", "a whole number from 1 to 3600", ge=1, le=3600
    )
    rewrites_per_s: int = _setting(
        1000,
        "Shoppers a second, of each slot, whose rows are written again after Redis lost some.",
        "a whole number from 1 to 100000",
        ge=1,
        le=100_000,
    )
    compiled: bool = _setting(
        False,
        "Submit the core as machine code, too: less CPU an event, for a minute of a C compiler, once.",
        "true or false",
    )
    start: Annotated[str, BeforeValidator(as_start)] = _setting(
        "recent",
        "Where the first start reads from: the longest window and its pane back, or as said.",
        "recent, earliest, latest or an instant such as 2026-01-31T08:00:00Z",
    )
    wire_format: Literal["auto", "tsv", "sdk_json", "live_shopper"] = _setting(
        "auto",
        "Format of the records; auto tells each by its first bytes.",
        "auto, tsv, sdk_json or live_shopper",
    )
    app_ids: Items = _setting(
        (), "Only events of these applications count; empty: of all.", "names, by commas"
    )
    exclude_robots: bool = _setting(False, "Leave out events of robots.", "true or false")
    hash_ids: bool = _setting(
        False,
        "Keep ids of shoppers as keyed hashes only, for shops whose ids are e-mail addresses.",
        "true or false",
    )
    hash_ids_key: SecretStr = _setting(
        SecretStr(""),
        "Key of these hashes; with another key every shopper is a new one.",
        "16 characters or more, where hash_ids is true",
    )
    search_path: str = _setting(
        "/search",
        "Page views of this path, or below it, are searches; empty: none by path.",
        "a path that begins with a slash",
        pattern=r"^(/.*)?$",
    )
    search_parameters: Items = _setting(
        ("q", "query", "search"), "So are those whose query fills one of these in.", "names, by commas"
    )
    recommendation_words: Items = _setting(
        ("recommend", "also be interested"),
        "A list whose name contains one of these is a recommendation.",
        "words, by commas",
    )
    identity: Literal["off", "forward", "merge"] = _setting(
        "merge",
        "What a login changes: nothing, what the device does from then on, or what it did before, too.",
        "off, forward or merge",
    )
    checkout_order_step: int = _setting(
        0,
        "Checkout step that counts as an order, for shops without transactions; 0: none.",
        "a whole number from 0 to 90",
        ge=0,
        le=90,
    )
    windows: Annotated[tuple[WindowSetting, ...], BeforeValidator(as_json), AfterValidator(check_all)] = (
        _setting(
            DEFAULT_WINDOWS,
            "The rolling windows.",
            'a list such as [{ label = "5min", size_s = 300, pane_s = 10 }]; JSON in flags and variables',
        )
    )
    session_gap_min: int = _setting(
        30,
        "Minutes without an event after which a session is closed.",
        "a whole number from 1 to 1440",
        ge=1,
        le=1440,
    )
    session_retention_h: int = _setting(
        24,
        "Hours that a session's state and rows outlive its last event.",
        "a whole number from 1 to 168",
        ge=1,
        le=168,
    )
    entities: Annotated[Items, AfterValidator(check_views)] = _setting(
        (),
        "Views of entities beyond the shopper (docs/entities.md); none: the job is that of shoppers alone.",
        f"names, by commas: {NAMES}",
    )
    entity_weights: Annotated[FourNumbers, AfterValidator(check_weights)] = _setting(
        (1, 2, 3, 5),
        "What a view, click, add to the cart and purchase weigh in scores.",
        "four whole numbers from 0 on, by commas",
    )
    entity_seller_weights: Annotated[FourNumbers, AfterValidator(check_seller_weights)] = _setting(
        (2, 1, 5, 0),
        "What a like, view, purchase and other interaction with a seller weigh.",
        "four whole numbers from 0 on, by commas",
    )
    entity_currency: Annotated[str, AfterValidator(check_currency)] = _setting(
        "EUR", "Currency of purchase prices; others are left out.", "a code of ISO 4217"
    )
    entity_price_bounds: Annotated[
        tuple[int, int, int], BeforeValidator(as_items), AfterValidator(check_bounds)
    ] = _setting(
        (500, 1000, 5000),
        "Mean purchase prices below which a shopper is budget, mid and high.",
        "three whole numbers that rise, by commas",
    )
    entity_ranking_most: int = _setting(
        100, "Members of a sorted set.", "a whole number from 1 to 1000", ge=1, le=1000
    )
    entity_pair_days: int = _setting(
        30, "Days that a pair outlives its last interaction.", "a whole number from 1 to 365", ge=1, le=365
    )
    entity_days: int = _setting(
        365,
        "Days that a product, or a shopper's lifetime, outlives its last interaction.",
        "a whole number from 1 to 3650",
        ge=1,
        le=3650,
    )
    session_keys: bool = _setting(
        True, "Whether `session:<id>:features` is written as well.", "true or false"
    )
    layout: Literal["own", "live-shopper"] = _setting(
        "own",
        "live-shopper: besides our own keys also those of the Live Shopper job (docs/layouts.md).",
        "own or live-shopper",
    )
    api_host: str = _setting(
        "127.0.0.1",
        "Address that `shopper serve` listens on; others than this machine's own need a token.",
        "a host name or an address; 0.0.0.0 for all of this machine",
        pattern=r"^[\w.:-]+$",
    )
    api_port: int = _setting(
        8321,
        "Port that `shopper serve` listens on; 0: any that is free.",
        "a number from 0 to 65535",
        ge=0,
        le=65_535,
    )
    api_tokens: SecretItems = _setting(
        (),
        "Tokens that let callers of the API in, any of them (no flag: process lists show flags).",
        "16 characters or more each, by commas",
    )
    api_tokens_file: Annotated[Path | None, BeforeValidator(as_absent)] = _setting(
        None, "File with more such tokens, one a line; read again when it changes.", "a readable file"
    )
    api_open: bool = _setting(
        False,
        "Let everyone in who reaches the API, though it listens where others can reach it.",
        "true or false",
    )
    api_rate: Annotated[str, AfterValidator(check_rate)] = _setting(
        "",
        "How often one token, or one address without tokens, may ask the API; empty: as it likes.",
        "such as 100/second or 100/second;2000/minute",
    )
    api_cors_origins: Items = _setting(
        (),
        "Origins whose pages may ask the API from a browser; empty: none, *: all.",
        "such as https://shop.example, by commas",
    )
    api_trusted_proxies: Items = _setting(
        (),
        "Addresses of proxies whose X-Forwarded-For says who asks.",
        "addresses, by commas",
    )
    api_batch_most: int = _setting(
        500, "Shoppers that one request may ask for.", "a whole number from 1 to 10000", ge=1, le=10_000
    )
    api_streams_most: int = _setting(
        100, "Streams of changes that may be open at once.", "a whole number from 0 to 10000", ge=0, le=10_000
    )
    api_poll_ms: int = _setting(
        500, "How often streams look for changes.", "a whole number from 50 to 60000", ge=50, le=60_000
    )
    api_timeout_ms: int = _setting(
        500, "How long the API waits for Redis.", "a whole number from 10 to 60000", ge=10, le=60_000
    )

    api_page: bool = _setting(True, "Whether the API serves the live page as well, at `/`.", "true or false")
    api_page_acts: bool = _setting(
        False,
        "Whether visitors of the live page may act as shoppers, which sends events to the topic.",
        "true or false",
    )

    @field_validator("sources")
    @classmethod
    def _can_be_read_side_by_side(cls, named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        topics = [source.topic for source in declared_sources(named)]
        snowplows = info.data.get("topic")
        if snowplows == "" and not topics:
            msg = "none, though topic is empty: nothing would be read"
            raise ValueError(msg)
        if snowplows in topics:
            msg = f"{snowplows} is the topic of Snowplow's events (setting topic), and would be read twice"
            raise ValueError(msg)
        return named

    @field_validator("side_inputs")
    @classmethod
    def _have_topics_of_their_own(cls, named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        topics = {side.topic for side in declared_sides(named)}
        events = {info.data.get("topic"), *(s.topic for s in declared_sources(info.data.get("sources", ())))}
        if met := sorted(topics & events):
            msg = f"{met[0]} is a topic of events as well; a side input has one of its own"
            raise ValueError(msg)
        if (dead := info.data.get("dead_letter_topic")) in topics:
            msg = f"{dead} is the topic of dead letters (setting dead_letter_topic)"
            raise ValueError(msg)
        return named

    @field_validator("layout")
    @classmethod
    def _finds_what_it_shows(cls, layout: str, info: ValidationInfo) -> str:
        if layout == OWN:
            return layout
        labels = [window.label for window in info.data.get("windows", ())]
        if len({window_name(label) for label in labels}) < len(labels):
            msg = f"would call two of the windows {labels} by one name"
            raise ValueError(msg)
        if not info.data.get("session_keys", True):
            msg = "copies what `session:<id>:features` holds, though session_keys is false"
            raise ValueError(msg)
        return layout

    @field_validator("entities")
    @classmethod
    def _have_the_topology(cls, named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if named and info.data.get("topology") == "branches":
            msg = "topology is branches; entities need it to be fused"
            raise ValueError(msg)
        return named

    @field_validator("kafka_sasl_user", "kafka_sasl_password")
    @classmethod
    def _a_login_is_whole(cls, value: str | SecretStr, info: ValidationInfo) -> str | SecretStr:
        protocol = info.data.get("kafka_security_protocol", "")
        if protocol.startswith("SASL") and not value:
            msg = f"missing, though kafka_security_protocol is {protocol}"
            raise ValueError(msg)
        return value

    @field_validator("hash_ids_key")
    @classmethod
    def _is_hard_to_guess(cls, key: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("hash_ids") and len(key.get_secret_value()) < SHORTEST_KEY:
            msg = "missing or too short, though hash_ids is true"
            raise ValueError(msg)
        return key

    @field_validator("api_tokens")
    @classmethod
    def _are_hard_to_guess(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(token.get_secret_value()) < SHORTEST_TOKEN for token in tokens):
            msg = f"a token has fewer than {SHORTEST_TOKEN} characters (`openssl rand -hex 32` makes one)"
            raise ValueError(msg)
        return tokens

    @field_validator("kafka_ca_file", "api_tokens_file")
    @classmethod
    def _is_there(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_file():
            msg = "no such file"
            raise ValueError(msg)
        return path

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load` reads the sources, since it also tells them apart."""
        del settings_cls
        return (init_settings,)

    @cached_property
    def declared(self) -> tuple[Source, ...]:
        """The declared sources, read once."""
        return declared_sources(self.sources)

    @cached_property
    def declared_sides(self) -> tuple[SideInput, ...]:
        """The side inputs, read once."""
        return declared_sides(self.side_inputs)

    def topics(self) -> dict[str, int]:
        """Return every topic that is read, with its number (`operators.places`)."""
        snowplows = {self.topic: 0} if self.topic else {}
        return snowplows | {source.topic: number_of(source.topic) for source in self.declared}

    def decoder(self) -> Decoder:
        """Return what reads the records."""
        search = SearchRule(self.search_path, frozenset(self.search_parameters))
        key = hashing_key(self.hash_ids_key.get_secret_value()) if self.hash_ids else b""
        return Decoder(self.wire_format, frozenset(self.app_ids), self.exclude_robots, search, key)

    def stored_id(self, shopper: str) -> str:
        """Return the id by which a shopper is kept: a hash where `hash_ids` says so."""
        return self.decoder().id_of(shopper)

    def definitions(self) -> Definitions:
        """Return what the shop set about the meaning of its features."""
        return Definitions(
            windows=tuple(window.definition() for window in self.windows),
            session_gap=timedelta(minutes=self.session_gap_min),
            session_retention=timedelta(hours=self.session_retention_h),
            session_keys=self.session_keys,
            recommendation_words=self.recommendation_words,
            checkout_order_step=self.checkout_order_step,
            identity=self.identity,
            live_shopper=self.layout != OWN,
        )

    def entity_settings(self) -> EntitySettings:
        """Return which entities beyond the shopper there are, and what they mean."""
        return EntitySettings(
            views=self.entities,
            weights=Weights(*self.entity_weights),
            seller_weights=SellerWeights(*self.entity_seller_weights),
            currency=self.entity_currency,
            price_bounds=self.entity_price_bounds,
            ranking_most=self.entity_ranking_most,
            pair_expiry=timedelta(days=self.entity_pair_days),
            expiry=timedelta(days=self.entity_days),
        )
