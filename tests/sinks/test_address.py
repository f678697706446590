"""Redis URLs: what they mean, and that a wrong one is explained without its password."""
# ruff: noqa: S106  the passwords are made up

import pytest

from sinks.address import Address
from sinks.errors import SinkSettingError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address("single", (("localhost", 6379),))),
        ("redis://r:6380/2", Address("single", (("r", 6380),), db=2)),
        ("redis://:p%40ss@r", Address("single", (("r", 6379),), password="p@ss")),
        ("redis://app:x@[::1]:7000", Address("single", (("::1", 7000),), username="app", password="x")),
        (
            "rediss://r?ssl_ca_certs=/ca.pem&ssl_check_hostname=false",
            Address(
                "single",
                (("r", 6379),),
                True,
                options={"ssl_ca_certs": "/ca.pem", "ssl_check_hostname": False},
            ),
        ),
        (
            "redis+sentinel://a:26379,b/main/1",
            Address("sentinel", (("a", 26379), ("b", 26379)), service="main", db=1),
        ),
        (
            "rediss+cluster://u:p@a:1,b:2",
            Address("cluster", (("a", 1), ("b", 2)), True, username="u", password="p"),
        ),
    ],
)
def test_a_url_says_which_redis(url, address):
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://u:secret@r", "scheme"),
        ("secret@r:1", "scheme"),
        ("redis://u:sec/ret@r", "percent-encoded"),
        ("redis://u:secr?et@r", "percent-encoded"),
        ("redis://u:secret#@r", "percent-encoded"),
        ("redis://u:secret@r:port", "port"),
        ("redis://u:secret@r:0", "port"),
        ("redis://u:secret@", "host is missing"),
        ("redis://u:secret@r/zero", "database number"),
        ("redis+sentinel://u:secret@a:1,b:2", "service"),
        ("redis+cluster://u:secret@a/1", "database 0"),
        ("rediss://u:secret@r?ssl_ca=/x", "ssl_ca_certs"),
        ("rediss://u:secret@r?ssl_check_hostname=maybe", "ssl_check_hostname"),
        ("rediss://u:secret@r?ssl_cert_reqs=some", "ssl_cert_reqs"),
    ],
)
def test_a_wrong_url_is_explained_without_its_password(url, fault):
    with pytest.raises(SinkSettingError) as caught:
        Address.parse(url)
    message = str(caught.value)
    assert fault in message
    assert message.startswith("redis_url (")
    assert "redis+sentinel://host:port" in message
    assert "sec" not in message.replace("not shown", "")


def test_what_may_be_logged_of_a_url_holds_no_credentials():
    address = Address.parse("rediss+sentinel://u:secret@a:1,b/main/3?sentinel_password=hidden")
    assert address.shown == "rediss+sentinel://a:1,b:26379/main/3"
    assert "secret" not in repr(address)
    assert "hidden" not in repr(address)


def test_tls_checks_the_host_name_unless_told_otherwise():
    assert Address.parse("rediss://r").connection(2)["ssl_check_hostname"] is True
    assert Address.parse("rediss://r?ssl_cert_reqs=none").connection(2)["ssl_check_hostname"] is False
