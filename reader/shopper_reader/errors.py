"""What the reader raises. One root; below it, what was asked wrongly and what Redis did not do.

```
ReaderError
├── AskedWronglyError (also a ValueError)
│   ├── InvalidURLError
│   ├── UnknownFeatureError
│   ├── UnknownWindowError
│   └── CatalogueError
├── TransportError
│   ├── ConnectError
│   ├── TimedOutError
│   └── CircuitOpenError
├── AccessError
└── AnswerError
    └── ValueFormatError
```
"""


class ReaderError(Exception):
    """Root of everything that the reader raises by itself. No message holds a password."""


class AskedWronglyError(ReaderError, ValueError):
    """The caller asked for what cannot be; asking again does not help."""


class InvalidURLError(AskedWronglyError):
    """The Redis URL, or the prefix, cannot work."""


class UnknownFeatureError(AskedWronglyError):
    """The catalogue has no such feature in the windows that were asked for."""


class UnknownWindowError(AskedWronglyError):
    """The catalogue has no such window."""


class CatalogueError(AskedWronglyError):
    """The catalogue that was handed over cannot be read."""


class TransportError(ReaderError):
    """Redis was not reached or did not answer; asking again later may help."""


class ConnectError(TransportError):
    """There was no connection, or it broke."""


class TimedOutError(TransportError):
    """Redis did not answer in time."""


class CircuitOpenError(TransportError):
    """Redis failed so often just now that it was not asked at all."""


class AccessError(ReaderError):
    """Redis wants other credentials, or its user may not do what reading needs."""


class AnswerError(ReaderError):
    """Redis answered what the reader cannot use."""


class ValueFormatError(AnswerError):
    """A field does not hold a value of the feature's type."""
