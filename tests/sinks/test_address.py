"""Redis URLs: what they mean, and that a wrong one is explained without its password."""

import pytest

from sinks.address import Address
from sinks.errors import SinkSettingError
from tests.sinks.vectors import URLS, WRONG_URLS


@pytest.mark.parametrize(("url", "address"), URLS)
def test_a_url_says_which_redis(url, address):
    assert Address.parse(url) == address


@pytest.mark.parametrize(("url", "fault"), WRONG_URLS)
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
