"""What is kept of a URL, and which page views are searches."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_plus

from events.event import PAGE_VIEW, SITE_SEARCH

_LOGIN: Final = re.compile(r"^([\w.+-]*:?//)[^/]*@")
_DEFAULT_PARAMETERS: Final = frozenset({"q", "query", "search"})


@dataclass(frozen=True, slots=True)
class SearchRule:
    """Which page views are searches: those under `path`, or with one of `parameters` filled in the query.

    >>> rule = SearchRule()
    >>> rule.matches("https://shop.example/search/shoes"), rule.matches("https://shop.example/?q=red+shoes")
    (True, True)
    >>> rule.matches("https://shop.example/searching"), rule.matches("https://shop.example/?q=")
    (False, False)
    """

    path: str = "/search"
    """Matches itself and everything below it, by case; empty: no path is a search."""
    parameters: frozenset[str] = _DEFAULT_PARAMETERS

    def __post_init__(self) -> None:
        if self.path and not self.path.startswith("/"):
            msg = f"search path is {self.path!r}; expected '' or a path like '/search'"
            raise ValueError(msg)
        object.__setattr__(self, "path", self.path.rstrip("/"))

    def matches(self, url: str) -> bool:
        """Whether a page of this URL (with its query) shows what somebody searched for."""
        address, _, query = url.partition("#")[0].partition("?")
        if self.path:
            _, scheme, rest = address.partition("://")
            path = rest[rest.find("/") :] if scheme and "/" in rest else "" if scheme else address
            if path == self.path or path.startswith(f"{self.path}/"):
                return True
        return bool(query) and self._filled(query)

    def _filled(self, query: str) -> bool:
        for part in query.split("&"):
            name, _, value = part.partition("=")
            if name in self.parameters and unquote_plus(value).strip():
                return True
        return False


def is_search(kind: str, url: str | None, rule: SearchRule) -> bool:
    """Whether an event is a search."""
    if kind == PAGE_VIEW:
        return url is not None and rule.matches(url)
    return kind == SITE_SEARCH


def without_query(url: str | None) -> str | None:
    """The URL without query, fragment and login, where people's data hide; None where nothing is left.

    >>> without_query("https://ann:secret@shop.example/a?token=1#b")
    'https://shop.example/a'
    """
    if url is None:
        return None
    if "?" in url or "#" in url:
        url = url.partition("?")[0].partition("#")[0] or None
    return _LOGIN.sub(r"\1", url) if url and "@" in url else url
