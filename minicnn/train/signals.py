"""Ctrl-C and a polite kill: asked once, a run stops at the next step."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A run that was asked to stop, and has saved a checkpoint if this is the process that writes it.

    Attributes:
        step: steps done.
        signum: the signal.
        folder: of the run.
    """

    def __init__(self, step: int, steps: int, signum: int, folder: Path, saved: bool) -> None:
        super().__init__(f"stopped after step {step} of {steps}{', whose checkpoint is saved' if saved else ''}")
        self.step, self.signum, self.folder = step, signum, folder


@contextmanager
def deferred() -> Iterator[Callable[[], int]]:
    """Note SIGINT and SIGTERM instead of dying of them; yields a function to the signal's number, 0 if there was none.

    The second one is obeyed at once. Outside the main thread nothing is deferred.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return

    def note(signum: int, frame: FrameType | None) -> None:
        seen.append(signum)
        signal.signal(signum, previous[signum])

    previous: dict[int, Any] = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    for signum in previous:
        signal.signal(signum, note)
    try:
        yield lambda: seen[0] if seen else 0
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
