"""Shoppers' hashes as Redis holds them, those of a device as its user's: for the screens and pages of people.

Where types and verdicts are wanted, the reader (`shopper_reader`) reads.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from serving.redis_reader import RedisReader
from sinks.codec import pointed_to
from sinks.keys import encode_id, key_name

Hashes = Mapping[str, Mapping[str, str]]
"""A shopper's hashes by window label; an absent one is empty."""


class Shoppers(NamedTuple):
    """What was found of some shoppers, and of the users to whom rows of theirs point."""

    rows: Mapping[str, Hashes]
    """By shopper. In the place of a row that points is the one it points to, empty if that points, too."""
    same_as: Mapping[str, str]
    """By shopper of whom rows point: the user, unless that one's point, too."""


def read_shoppers(
    reader: RedisReader, shoppers: Iterable[str], labels: Sequence[str], prefix: str = ""
) -> Shoppers:
    """Read shoppers in one round trip, and in a second one the users to whom some of them point.

    Raises:
        RedisUnreachableError: if Redis does not answer.
    """
    own = _read(reader, dict.fromkeys(shoppers), labels, prefix)
    users = {user for rows in own.values() for user in _users(rows).values()}
    held = own | _read(reader, sorted(users - own.keys()), labels, prefix)
    pointing = {name: _users(rows) for name, rows in held.items()}
    rows = {
        name: {label: _followed(held, hashes[label], label) for label in labels}
        for name, hashes in held.items()
    }
    first = {name: next(iter(found.values())) for name, found in pointing.items() if found}
    return Shoppers(rows, {name: user for name, user in first.items() if name in own and user not in first})


def _read(
    reader: RedisReader, shoppers: Iterable[str], labels: Sequence[str], prefix: str
) -> dict[str, Hashes]:
    names = list(shoppers)
    keys = [
        key_name("user", encode_id(name), label, prefix, reader.cluster) for name in names for label in labels
    ]
    found = iter(reader.hashes(keys) if keys else ())
    return {name: {label: next(found) for label in labels} for name in names}


def _users(hashes: Hashes) -> dict[str, str]:
    return {label: user for label, fields in hashes.items() if (user := pointed_to(fields))}


def _followed(held: Mapping[str, Hashes], fields: Mapping[str, str], label: str) -> Mapping[str, str]:
    user = pointed_to(fields)
    found = held.get(user, {}).get(label, {}) if user else fields
    return {} if pointed_to(found) else found
