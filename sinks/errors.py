"""What a sink raises: a setting that cannot work, and a Redis that did not answer in time."""


class SinkSettingError(ValueError):
    """A setting of the sink cannot work; the message names it and the way out, never a password.

    `fault` is what is wrong alone, for those who name setting and way out themselves; it may be empty.
    """

    def __init__(self, message: str, fault: str = "") -> None:
        super().__init__(message)
        self.fault = fault


class SinkUnavailable(RuntimeError):  # noqa: N818  it says a state, as asked of the sink by its callers
    """Redis did not take a write within `give_up_s`, or said something that waiting does not mend.

    What was not written is written again after the restart of the job: the fence makes that harmless.
    """
