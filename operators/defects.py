"""Exceptions that are defects of ours: logged once for each place, without what they might quote."""

import logging
from traceback import format_tb

from sinks.dead_letters import bug_of

log = logging.getLogger(__name__)


def tell(error: Exception, what: str, known: set[str]) -> None:
    """Log an exception without its message, which might quote a record; the job goes on without `what`.

    `known` are the places that were logged before.
    """
    bug = bug_of(error)
    if bug.place not in known:
        known.add(bug.place)
        trace = "".join(format_tb(error.__traceback__))
        log.error("%s at %s: a defect; the job goes on without %s\n%s", bug.exception, bug.place, what, trace)
