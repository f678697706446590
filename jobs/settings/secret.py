"""Show settings without the secrets in them."""

import re
from typing import Any, Final

from pydantic import SecretStr

MASK: Final = "****"
_IN_QUERY: Final = re.compile(r"([?&](?:password|passwd|token|secret)=)[^&]*", re.IGNORECASE)
_URL_HEAD: Final = re.compile(r"([\w.+-]*:/{0,2})?(?:([^:@/]*):)?")


def shown(value: Any, *, secret: bool = False) -> str:
    """Return the value as text: a secret masked whole, of a URL only what logs in.

    >>> shown("redis://shop:pa@ss@cache:6379/0"), shown("redis://token@cache")
    ('redis://shop:****@cache:6379/0', 'redis://****@cache')
    >>> shown("hunter2", secret=True), shown(("a", "b")), shown(True)
    ('****', 'a, b', 'true')
    """
    if secret or isinstance(value, SecretStr):
        revealed = value.get_secret_value() if isinstance(value, SecretStr) else value
        return MASK if revealed else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(shown(item) for item in value)
    return "" if value is None else _without_password(str(value))


def _without_password(text: str) -> str:
    """Mask generously: a mistyped URL must not give its password away either."""
    text = _IN_QUERY.sub(rf"\1{MASK}", text)
    login, at, place = text.rpartition("@")
    if not at or ":" not in login:
        return text
    head = _URL_HEAD.match(login)
    scheme, user = head.groups() if head else ("", None)
    return f"{scheme or ''}{user + ':' if user is not None else ''}{MASK}@{place}"
