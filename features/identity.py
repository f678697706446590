"""Who was logged in on a device, and when. Pure.

Whoever uses a device is told by its events that carry a user: each is a login. Those of one user in a row are
one run, of which the first and the last moment are kept.
"""

from typing import Final

from msgspec import Struct

OFF: Final = "off"
FORWARD: Final = "forward"
MERGE: Final = "merge"
MODES: Final = (OFF, FORWARD, MERGE)
"""`off`: a device and a user are two shoppers. `forward`: what a device does after a login counts for the
user. `merge`: what it did before, too."""

MOST_RUNS: Final = 8
"""Runs of logins that are remembered of a device, the latest."""

Run = tuple[int, int, str]
"""(first, last, user): event times of a user's logins between which no other user's is known, epoch ms."""


class Move(Struct, array_like=True):
    """What a device hands over to a user. New fields go to the end, with a default."""

    device: str
    user: str
    seen: int
    """By it rows that point to the user stand above the device's: one more than it counted, or greater."""
    data: bytes = b""
    """The state that moves; empty where nothing does and the rows are only to point to the user."""
    life: int = 0
    """Of the bucket that held the device: the first part of the fence of its rows."""


def learn(runs: list[Run], user: str, at: int) -> bool:
    """Note a login at `at` (epoch ms) in `runs`, which are in order; False if that was known.

    >>> runs: list[Run] = []
    >>> [learn(runs, user, at) for user, at in (("ann", 10), ("ann", 30), ("ann", 20), ("bob", 25))]
    [True, True, False, True]
    >>> runs
    [(10, 10, 'ann'), (25, 25, 'bob'), (30, 30, 'ann')]
    """
    if runs and runs[-1][2] == user and at > runs[-1][0]:
        first, last, _ = runs[-1]
        if at <= last:
            return False
        runs[-1] = first, at, user
        return True
    before = list(runs)
    moments = {(moment, known) for first, last, known in runs for moment in (first, last)}
    runs.clear()
    for moment, known in sorted(moments | {(at, user)}):
        if runs and runs[-1][2] == known:
            runs[-1] = runs[-1][0], moment, known
        else:
            runs.append((moment, moment, known))
    del runs[:-MOST_RUNS]
    return runs != before


def owner(runs: list[Run], at: int, mode: str) -> str | None:
    """The user for whom an event without one counts that is of `at` (epoch ms); None: for its device.

    >>> [owner([(10, 20, "ann"), (25, 25, "bob")], 9, mode) for mode in MODES]
    [None, None, 'ann']
    """
    if mode == OFF or not runs:
        return None
    return user_at(runs, at) or (runs[0][2] if mode == MERGE else None)


def unlearn(runs: list[Run], user: str) -> bool:
    """Forget a user's logins; False if there were none.

    >>> runs = [(10, 10, "ann"), (25, 25, "bob"), (30, 30, "ann")]
    >>> unlearn(runs, "bob"), runs
    (True, [(10, 30, 'ann')])
    """
    left = [run for run in runs if run[2] != user]
    if len(left) == len(runs):
        return False
    runs.clear()
    for first, last, known in left:
        if runs and runs[-1][2] == known:
            runs[-1] = runs[-1][0], last, known
        else:
            runs.append((first, last, known))
    return True


def user_at(runs: list[Run], at: int) -> str | None:
    """The user who logged in last before `at` (epoch ms) or then; None if nobody had yet.

    Of two who did in the same millisecond it is the one whose id is greater.

    >>> [user_at([(10, 20, "ann"), (25, 25, "bob")], at) for at in (9, 10, 24, 99)]
    [None, 'ann', 'ann', 'bob']
    """
    for first, _, user in reversed(runs):
        if first <= at:
            return user
    return None
