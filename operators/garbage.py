"""How the interpreter of a TaskManager, which all its operators share, collects garbage."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 20)
"""The first: so many containers more than were freed, where Python says 700. A batch makes that many with its
first hundred events, none of which is garbage: each is freed with the batch, by its last reference."""


def collect_seldom() -> None:
    """Look for cycles seldom: nothing here makes them but exceptions and what lives as long as a job."""
    gc.set_threshold(*THRESHOLDS)
