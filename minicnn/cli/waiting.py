"""What a person sees while nothing is printed: a spinner on standard error, which makes way for whatever is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text


class WithCursor(Console):
    """A console whose cursor stays visible, so that a process that is killed leaves none hidden behind."""

    def show_cursor(self, show: bool = True) -> bool:
        """Leave the cursor as it is."""
        return False


class Waiting:
    """A spinner beside what is being done, on standard error where that is a terminal, and nowhere else."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or WithCursor(stderr=True)
        self.text: str | None = None
        self._live: Live | None = None

    def doing(self, text: str) -> None:
        """Say what is being done from now on."""
        self.stop()
        self.text = text
        if self.console.is_terminal:
            spinner = Spinner("dots", Text(f"{text} …", no_wrap=True, overflow="ellipsis"))
            # Standard output is left alone: it may lead to a file.
            self._live = Live(spinner, console=self.console, transient=True, redirect_stdout=False)
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Take the spinner away."""
        live, self._live, self.text = self._live, None, None
        if live is not None:
            live.stop()

    @contextmanager
    def shown(self, text: str) -> Iterator[None]:
        """Show the spinner until the block ends, whatever ends it."""
        self.doing(text)
        try:
            yield
        finally:
            self.stop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the spinner away while something else is written, and show it again below that."""
        text = self.text
        self.stop()
        try:
            yield
        finally:
            if text is not None:
                self.doing(text)


waiting = Waiting()


class Terminal(Console):
    """A console for which the spinner makes way. It comes back below what is printed, not after what moves."""

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print where the spinner was."""
        with waiting.aside():
            super().print(*args, **kwargs)

    def set_live(self, live: Live) -> bool:
        """Begin a display that moves by itself."""
        waiting.stop()
        return super().set_live(live)
