"""What can go wrong with the servers of this machine.

LocalError
├── ToolchainError   something to run with is missing, or is not what it should be
└── ProcessError     a server did not come up, or ended by itself
"""


class LocalError(RuntimeError):
    """A server of this machine cannot be run; the message says what to do."""


class ToolchainError(LocalError):
    """A Java, a redis-server or a jar is missing or is not the one that was locked."""


class ProcessError(LocalError):
    """A process ended early or was not ready in time; the message ends with the tail of its log."""
