"""Ctrl-C and a polite kill: asked once, a run stops at the next step, and whatever else goes on stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop.

    Attributes:
        signum: the signal.
    """

    def __init__(self, text: str = "stopped", signum: int = signal.SIGINT) -> None:
        super().__init__(text)
        self.signum = signum


class Interrupted(Stopped):
    """A run was asked to stop, and has saved a checkpoint if this is the process that writes it.

    Attributes:
        step: steps done.
        signum: the signal.
        folder: of the run.
    """

    def __init__(self, step: int, steps: int, signum: int, folder: Path, saved: bool) -> None:
        super().__init__(
            f"stopped after step {step} of {steps}{', whose checkpoint is saved' if saved else ''}", signum
        )
        self.step, self.folder = step, folder


@contextmanager
def handled(handler: Callable[[int, FrameType | None], Any], *signums: int) -> Iterator[dict[int, Any]]:
    """Handle signals for a while; yields the handlers that they had and will have again.

    Outside the main thread, which alone may, nothing is handled; a signal that is ignored stays so.
    """
    previous: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        previous = {signum: signal.getsignal(signum) for signum in signums}
        previous = {signum: before for signum, before in previous.items() if before is not signal.SIG_IGN}
    for signum in previous:
        signal.signal(signum, handler)
    try:
        yield previous
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


@contextmanager
def deferred() -> Iterator[Callable[[], int]]:
    """Note SIGINT and SIGTERM instead of dying of them; yields a function to the signal's number, 0 if there was none.

    The second one is obeyed at once.
    """
    seen: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        seen.append(signum)
        signal.signal(signum, previous[signum])

    with handled(note, signal.SIGINT, signal.SIGTERM) as previous:
        yield lambda: seen[0] if seen else 0


@contextmanager
def raising() -> Iterator[None]:
    """Let SIGTERM raise `Stopped`, as SIGINT raises KeyboardInterrupt, so that a kill may be answered in one line."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise Stopped(signum=signum)

    with handled(stop, signal.SIGTERM):
        yield
