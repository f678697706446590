"""E-mail addresses out of texts that are kept."""

import re
from typing import Final

MASK: Final = "***"
_ADDRESS: Final = re.compile(
    r"""[^\s/?\#&=<>"'(),:;]+ (?:@|%40) [^\s/?\#&=<>"'(),:;@]+ \. [^\W\d_]{2,}""", re.VERBOSE | re.IGNORECASE
)


def without_email(text: str | None) -> str | None:
    """The text with what looks like an e-mail address masked.

    >>> without_email("https://shop.example/unsubscribe/ann@example.com/now")
    'https://shop.example/unsubscribe/***/now'
    >>> without_email("ann%40example.com"), without_email("sale @ home"), without_email(None)
    ('***', 'sale @ home', None)
    """
    if text is None or ("@" not in text and "%40" not in text):
        return text
    return _ADDRESS.sub(MASK, text)
