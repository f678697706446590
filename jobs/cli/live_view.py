"""Show the demo's moments: in place on a terminal, else as a line now and then."""

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live

from jobs.demo.screen import Moment, draw, lines

LINE_EVERY_S: Final = 5.0
"""How often a line is printed where there is no terminal."""


class LiveView:
    """A context in which `show` may be called."""

    def __init__(self, console: Console) -> None:
        """Take over the console only when entered."""
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._told_s = -LINE_EVERY_S

    def show(self, moment: Moment) -> None:
        """Show a moment."""
        if self._live is not None:
            self._live.update(draw(moment), refresh=True)
        elif moment.elapsed_s - self._told_s >= LINE_EVERY_S:
            self._told_s = moment.elapsed_s
            for line in lines(moment):
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
