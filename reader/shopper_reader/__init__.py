"""Reads live shopper features from Redis: typed, with a verdict on how fresh they are.

`Features.connect(url)` is the beginning, `AsyncFeatures.connect(url)` the same for asyncio.
"""

from shopper_reader.async_features import AsyncFeatures
from shopper_reader.catalogue import Catalogue, Feature, Window
from shopper_reader.errors import (
    AccessError,
    AnswerError,
    AskedWronglyError,
    CatalogueError,
    CircuitOpenError,
    ConnectError,
    InvalidURLError,
    ReaderError,
    TimedOutError,
    TransportError,
    UnknownFeatureError,
    UnknownWindowError,
    ValueFormatError,
)
from shopper_reader.features import Features
from shopper_reader.limits import Limits
from shopper_reader.rows import Row, Shopper
from shopper_reader.values import Money, Value
from shopper_reader.verdicts import Health, Verdict

__all__ = [
    "AccessError",
    "AnswerError",
    "AskedWronglyError",
    "AsyncFeatures",
    "Catalogue",
    "CatalogueError",
    "CircuitOpenError",
    "ConnectError",
    "Feature",
    "Features",
    "Health",
    "InvalidURLError",
    "Limits",
    "Money",
    "ReaderError",
    "Row",
    "Shopper",
    "TimedOutError",
    "TransportError",
    "UnknownFeatureError",
    "UnknownWindowError",
    "Value",
    "ValueFormatError",
    "Verdict",
    "Window",
]
