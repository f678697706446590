"""The reader (`shopper_reader`), made for an installation's own settings."""

from features.catalogue import as_data
from features.settings import Definitions
from shopper_reader import AsyncFeatures, Catalogue, Features, Limits
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
    return Features.connect(url, prefix=prefix, job=job, catalogue=catalogue_of(definitions), limits=limits)


def async_reader_of(
    url: str,
    catalogue: Catalogue,
    prefix: str = "",
    job: str = JOB,
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> AsyncFeatures:
    """The same for asyncio, in a hurry unless `limits` say otherwise; to be called in the event loop.

    Raises:
        shopper_reader.InvalidURLError: if `url` or `prefix` cannot work.
    """
    return AsyncFeatures.connect(url, prefix=prefix, job=job, catalogue=catalogue, limits=limits)


def catalogue_of(definitions: Definitions | None = None) -> Catalogue:
    """What a reader knows of the windows and features of `definitions`."""
    return Catalogue.of(as_data(definitions))
