"""Give a command several flags that it gets as one argument."""

import inspect
from collections.abc import Callable
from typing import Any


def gathered(
    name: str, make: Callable[..., Any], flags: Callable[..., None]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the parameters of `flags`; the command gets what `make` makes of them as the argument `name`.

    `flags` is never called: its signature says the flags' names, types and defaults.
    """
    added = list(inspect.signature(flags).parameters.values())

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != name]

        def run(**arguments: Any) -> None:
            made = make(**{parameter.name: arguments.pop(parameter.name) for parameter in added})
            command(**arguments, **{name: made})

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *added)]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate
