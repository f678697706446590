"""What is sent, what replies become, and that the pipeline is asked about itself once a second."""

import pytest
import redis
from hypothesis import given
from redis import exceptions as theirs
from redis.exceptions import ResponseError

import events.bucket
import sinks.keys
from shopper_reader import AccessError, AnswerError, ConnectError, InvalidURLError, Verdict
from shopper_reader.address import Address
from shopper_reader.asking import by_shopper, pack
from shopper_reader.keys import Keys, bucket_of, encode_id
from shopper_reader.wire import AHEAD, PART, Replies, error_of
from sinks.address import Address as SinkAddress
from tests.reader.answers import NOW, REPORTS, asker, encoded, flat, hashed, time_of
from tests.sinks import rows
from tests.sinks.vectors import KEYS, URLS, WRONG_URLS, ids

REPORTED = flat(encoded(REPORTS))


@pytest.mark.parametrize(("entity", "entity_id", "window", "prefix", "cluster", "key"), KEYS)
def test_a_key_is_named_as_the_sink_names_it(entity, entity_id, window, prefix, cluster, key):
    keys = Keys(prefix, cluster)
    if entity == "session":
        assert keys.session(entity_id) == key.encode()
    else:
        assert keys.shopper(entity_id) + window.encode() == key.encode()


@given(ids)
def test_an_id_is_encoded_as_the_sink_encodes_it(raw):
    assert encode_id(raw) == sinks.keys.encode_id(raw)


@given(ids.filter(lambda raw: raw.isascii()))
def test_a_shopper_lies_in_the_bucket_of_the_job(raw):
    assert bucket_of(raw, 64) == str(events.bucket.bucket_of(raw, 64))


@pytest.mark.parametrize("prefix", ["{a}:", "a b:", "a\n"])
def test_a_prefix_cannot_become_a_hash_tag(prefix):
    with pytest.raises(InvalidURLError, match="prefix"):
        Keys(prefix)


@pytest.mark.parametrize(("url", "address"), URLS)
def test_a_url_means_what_it_means_to_the_sink(url, address):
    read = Address.parse(url)
    assert vars(read) == {name: getattr(address, name) for name in vars(read)}
    assert read.shown == address.shown
    ours = read.credentials | read.tls_options
    assert ours.items() <= SinkAddress.parse(url).connection(2).items()
    theirs = SinkAddress.parse(url).sentinel_connection(2)
    assert (read.sentinel_credentials | read.tls_options).items() <= theirs.items()


@pytest.mark.parametrize(("url", "fault"), WRONG_URLS)
def test_a_wrong_url_is_explained_without_its_password(url, fault):
    with pytest.raises(InvalidURLError) as caught:
        Address.parse(url)
    message = str(caught.value)
    assert fault in message
    assert "redis+sentinel://host:port" in message
    assert "sec" not in message.replace("not shown", "")


def test_a_password_is_not_shown():
    assert "secret" not in repr(Address.parse("redis://u:secret@r"))


def test_all_is_sent_at_once_and_packed_as_redis_wants_it():
    asking = asker().shoppers(["ada", "b:ob", "ada"], ["5min", "session"], ["cart_value", "event_count"])
    words = [*asking.keyed, (b"TIME",)]
    assert list(asking.packed()) == list(map(pack, words))
    encoder = redis.connection.PythonRespSerializer(6000, lambda word: word)
    sent = b"".join(asking.packed())
    assert sent == b"".join(part for command in words for part in encoder.pack(*command))
    assert asking.count == len(words) == 6
    assert words[2][:2] == (b"HMGET", b"user:b%3Aob:features:5min")
    whole = asker().shoppers(["ada"], "5min", None)
    assert whole.keyed[0] == (b"HGETALL", b"user:ada:features:5min")


def test_the_pipeline_is_asked_once_a_second_at_most():
    clock = [0.0]
    one = asker(clock=lambda: clock[0])
    row = flat(hashed(rows.row(at=NOW, next=NOW + 10_000, until=NOW + 60_000)))
    asking = one.shoppers(["ada"], "5min", None)
    assert asking.progress == b"pipeline:job:progress"
    assert one.rows(asking, [row, REPORTED, time_of(NOW)])[0].verdict is Verdict.FRESH
    clock[0] = 0.999
    asking = one.shoppers(["ada"], "5min", None)
    assert asking.progress is None
    assert not any(b"pipeline" in command for command in asking.packed())
    assert one.rows(asking, [row, time_of(NOW + 6_000)])[0].verdict is Verdict.FRESH
    clock[0] = 1.0
    asking = one.shoppers(["ada"], "5min", None)
    assert one.rows(asking, [row, REPORTED, time_of(NOW + 6_000)])[0].verdict is Verdict.STALE


def test_a_session_by_its_id_is_judged_by_the_bucket_of_its_owner():
    one = asker()
    asking = one.session("s:1", None)
    assert asking.keyed[0] == (b"HGETALL", b"session:s%3A1:features")
    made = rows.session({"event_count": 2}, at=NOW, next=NOW + 9, until=NOW + 99)
    (row,) = one.rows(asking, [hashed(made), encoded(REPORTS), time_of(NOW)])
    assert (row.shopper, row.window, dict(row)) == ("ada", "session", {"event_count": 2})
    assert row.pipeline == one._progress.health("ada")
    (missing,) = one.rows(asking, [[], encoded(REPORTS), time_of(NOW)])
    assert (missing.shopper, missing.verdict) == ("", Verdict.MISSING)


def test_shoppers_keep_their_windows_together():
    one = asker()
    asking = one.shoppers(["ada", ""], ["1h", "session"], None)
    made = one.rows(asking, [[], [], [], [], REPORTED, time_of(NOW)])
    found = by_shopper(asking, made)
    assert {name: list(shopper) for name, shopper in found.items()} == {
        "ada": ["1h", "session"],
        "": ["1h", "session"],
    }
    assert (found["ada"].id, len(found["ada"]), found["ada"]["1h"].window) == ("ada", 2, "1h")
    assert repr(found["ada"]) == "Shopper('ada', [Row('1h', MISSING, {}), Row('session', MISSING, {})])"


def test_a_key_of_another_type_costs_its_row_only():
    one = asker()
    wrong = ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    asking = one.shoppers(["ada"], ["1h", "5min"], None)
    good = flat(hashed(rows.row(at=NOW, next=NOW + 9, until=NOW + 99)))
    found = by_shopper(asking, one.rows(asking, [wrong, good, REPORTED, time_of(NOW)]))["ada"]
    assert (found["1h"].verdict, found["5min"].verdict) == (Verdict.MISSING, Verdict.FRESH)
    asking = one.shoppers(["ada"], "5min", None)
    asking.progress = b"p"
    (row,) = one.rows(asking, [good, wrong, time_of(NOW)])
    assert row.verdict is Verdict.STALE


@pytest.mark.parametrize(
    ("text", "kind"),
    [("NOPERM no", "NoPermissionError"), ("MOVED 1 a:2", "MovedError"), ("WRONGTYPE x", "ResponseError")],
)
def test_an_error_reply_is_what_redis_py_makes_of_it(text, kind):
    assert type(error_of(text)).__name__ == kind
    assert str(error_of("WRONGTYPE x")) == "WRONGTYPE x"


def test_a_server_that_loads_its_data_is_not_ready():
    with pytest.raises(theirs.BusyLoadingError):
        Replies([b"TIME"], 1).feed(b"-LOADING Redis is loading the dataset in memory\r\n")


def test_many_commands_are_sent_in_parts_of_which_a_few_are_under_way():
    count = AHEAD + 2 * PART - 10
    replies = Replies((b"%03d " % number for number in range(count)), count)
    sent = [part.split() for part in iter(replies.due, b"")]
    assert list(map(len, sent)) == [PART] * (AHEAD // PART)
    replies.feed(b"+OK\r\n" * (PART - 1))
    assert replies.due() == b"", "a whole part is not answered yet"
    replies.feed(b"+OK\r\n" * 2)
    sent.append(replies.due().split())
    replies.feed(b"+OK\r\n" * PART)
    sent.append(replies.due().split())
    assert list(map(len, sent[-2:])) == [PART, PART - 10]
    assert [int(word) for part in sent for word in part] == list(range(count))
    assert replies.due() == b""
    assert not replies.complete


def test_a_server_that_closes_the_connection_is_gone():
    with pytest.raises(theirs.ConnectionError, match="closed"):
        Replies([b"TIME"], 1).feed(b"")


def test_where_redis_py_keeps_its_socket_elsewhere_replies_are_read_one_by_one():
    assert Replies([b"TIME"], 1).socket_of(object()) is None


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        (theirs.NoPermissionError("may not run 'time'"), AccessError, r"\+hgetall"),
        (theirs.AuthenticationError("Authentication required."), AccessError, r"redis://r"),
        (theirs.ClusterDownError("The cluster is down"), ConnectError, "is down"),
        (theirs.MovedError("3999 127.0.0.1:6381"), AnswerError, r"redis\+cluster://"),
        (ResponseError("unknown command"), AnswerError, "unknown command"),
    ],
)
def test_an_answer_that_is_no_row_is_explained(said, error, told):
    one = asker()
    asking = one.shoppers(["ada"], "5min", None)
    with pytest.raises(error, match=told):
        one.rows(asking, [said, REPORTED, time_of(NOW)])
