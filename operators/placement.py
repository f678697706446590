"""Keys chosen so that Flink places them evenly, by its own hash functions, written out here.

A key belongs to one of `MAX_PARALLELISM` key groups, and key groups lie on slots in contiguous ranges. With
few keys (16 buckets, a handful of lanes) chance would leave slots idle, so each key is sought for the key
group that it should have. A test compares the functions with Flink's own.
"""

import struct
from collections.abc import Callable
from itertools import count
from typing import Final

MAX_PARALLELISM: Final = 128
"""`pipeline.max-parallelism`: part of the state's contract, it cannot change without a migration."""

_MASK: Final = 0xFFFFFFFF
_ROW_SEED: Final = 42


def bucket_keys(buckets: int) -> tuple[str, ...]:
    """The Flink key of each bucket: `<bucket>.<n>`, spread over the key groups in the buckets' order.

    >>> len(set(map(key_group_of_bucket, bucket_keys(128))))
    128

    Raises:
        ValueError: if the key groups do not divide evenly among the buckets.
    """
    if buckets < 1 or MAX_PARALLELISM % buckets:
        msg = f"{buckets} buckets do not spread evenly; choose a power of two up to {MAX_PARALLELISM}"
        raise ValueError(msg)
    return tuple(_bucket_key(bucket, buckets) for bucket in range(buckets))


def bucket_of_key(key: str) -> int:
    """The bucket that `bucket_keys` made the key for."""
    return int(key[: key.index(".")])


def lane_keys(lanes: int, slots: int) -> tuple[int, ...]:
    """The Flink key of each lane; lane `i` lies on slot `i % slots`.

    >>> [slot_of(key_group_of_lane(key), 4) for key in lane_keys(4, 4)]
    [0, 1, 2, 3]
    """
    keys: list[int] = []
    for lane in range(lanes):
        wanted = lane % slots
        keys.append(
            next(
                key for key in count() if key not in keys and slot_of(key_group_of_lane(key), slots) == wanted
            )
        )
    return tuple(keys)


def slot_of(key_group: int, slots: int) -> int:
    """Index of the subtask that holds a key group, of `slots` subtasks."""
    return key_group * slots // MAX_PARALLELISM


def key_group_of_bucket(key: str) -> int:
    """Key group of a DataStream key `Row(key)`, the key that `operators.streams.key_by_first_field` makes."""
    code = 0
    for character in key:
        code = (code * 31 + ord(character)) & _MASK
    # Row.hashCode: kind INSERT (0), then Arrays.hashCode of its fields.
    return _key_group((31 + 31 + code) & _MASK)


def key_group_of_lane(key: int) -> int:
    """Key group of a table's key `(INT)`: MurmurHash over a BinaryRowData of one integer."""
    row = bytes(8) + struct.pack("<i", key) + bytes(4)
    code = _ROW_SEED
    for at in range(0, len(row), 4):
        code = _mix(code, int.from_bytes(row[at : at + 4], "little"))
    return _key_group(_finish(code, len(row)))


def _bucket_key(bucket: int, buckets: int) -> str:
    return _first(
        lambda n: f"{bucket}.{n}", lambda key: key_group_of_bucket(key) * buckets // MAX_PARALLELISM == bucket
    )


def _first(key: Callable[[int], str], fits: Callable[[str], bool]) -> str:
    return next(candidate for candidate in map(key, count()) if fits(candidate))


def _key_group(hash_code: int) -> int:
    """`KeyGroupRangeAssignment.assignToKeyGroup`: `MathUtils.murmurHash` of the hash code, modulo."""
    code = _finish(_mix(0, hash_code), 4)
    signed = code - (1 << 32) if code >> 31 else code
    return (0 if signed == -(1 << 31) else abs(signed)) % MAX_PARALLELISM


def _mix(code: int, block: int) -> int:
    block = block * 0xCC9E2D51 & _MASK
    block = _rotate(block, 15) * 0x1B873593 & _MASK
    return (_rotate(code ^ block, 13) * 5 + 0xE6546B64) & _MASK


def _finish(code: int, length: int) -> int:
    code ^= length
    code = (code ^ code >> 16) * 0x85EBCA6B & _MASK
    code = (code ^ code >> 13) * 0xC2B2AE35 & _MASK
    return code ^ code >> 16


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _MASK
