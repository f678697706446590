"""URLs and keys that every writer and reader must understand alike."""
# ruff: noqa: S106  the passwords are made up

from hypothesis import strategies as st

from sinks.address import Address

URLS = [
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
]
"""A URL, and what it means."""

WRONG_URLS = [
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
]
"""A URL that cannot work, and what is said about it."""

KEYS = [
    ("user", "42", "5min", "", False, "user:42:features:5min"),
    ("user", "42", "session", "shop1:", False, "shop1:user:42:features:session"),
    ("session", "9f-1", "session", "", False, "session:9f-1:features"),
    ("user", "42", "1h", "", True, "user:{42}:features:1h"),
    ("session", "42~7", "session", "p:", True, "p:session:{42~7}:features"),
    ("user", "a:b {c}%", "24h", "", False, "user:a%3Ab%20%7Bc%7D%25:features:24h"),
    ("user", "ada@example.com", "24h", "", False, "user:ada@example.com:features:24h"),
    ("user", "", "24h", "", True, "user:{%}:features:24h"),
]
"""Entity, id, window, prefix, whether in a cluster, and the key."""

ids = st.text(st.characters(), max_size=30) | st.text("a:%{}\n \x00\x85\u2003\ud800é~", max_size=8)
