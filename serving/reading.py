"""The reader (`shopper_reader`), made for an installation's own settings."""

from features.catalogue import as_data
from features.settings import Definitions
from shopper_reader import Catalogue, Features, Limits
from shopper_reader.features import JOB

PATIENT = Limits(timeout_s=5, connect_timeout_s=5, failures=0)
"""For commands and pages: people would rather wait than ask again."""


def reader_of(
    url: str,
    prefix: str = "",
    job: str = JOB,
    definitions: Definitions | None = None,
    limits: Limits = PATIENT,
) -> Features:
    """A reader that knows the windows and features of `definitions`; it connects at its first call.

    Raises:
        shopper_reader.InvalidURLError: if `url` or `prefix` cannot work.
    """
    catalogue = Catalogue.of(as_data(definitions))
    return Features.connect(url, prefix=prefix, job=job, catalogue=catalogue, limits=limits)
