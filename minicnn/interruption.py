"""Signals whose exception would be lost: one raised in a callback of the garbage collector is printed and forgotten."""

import gc
import os
import signal
import threading
from types import FrameType

_AGAIN = 0.02  # seconds until such a signal is sent again: a collection takes a few


def sent_again(signum: int, frame: FrameType | None) -> bool:
    """Tell whether an exception raised now would be lost, and if so send the signal once more."""
    callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
    while frame is not None and frame.f_code not in callbacks:
        frame = frame.f_back
    if frame is None:
        return False
    timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), signum))
    timer.daemon = True
    timer.start()
    return True


def interrupt(signum: int, frame: FrameType | None) -> None:
    """Handle SIGINT as Python does, by KeyboardInterrupt, and where that would be lost a little later."""
    if not sent_again(signum, frame):
        signal.default_int_handler(signum, frame)
