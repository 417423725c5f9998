"""Interrupts that Python would lose: one raised in a finaliser or in a callback of the garbage collector is forgotten.

Python cannot raise there. It prints the exception as unraisable and goes on, and JAX has such callbacks.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

_AGAIN = 0.02  # seconds until such a signal is sent again: a collection takes a few


def keep_interrupts() -> None:
    """From now on send a signal again whose KeyboardInterrupt was lost, in the place of printing it."""
    sys.unraisablehook = partial(send_again, sys.unraisablehook)


def send_again(otherwise: Callable[[Any], Any], unraisable: Any) -> None:
    """Send the signal of a lost KeyboardInterrupt again, once Python is out of what it was in.

    Args:
        otherwise: what is done with all other exceptions.
        unraisable: what `sys.unraisablehook` is given.
    """
    error = unraisable.exc_value
    if not isinstance(error, KeyboardInterrupt):
        otherwise(unraisable)
        return
    timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), getattr(error, "signum", signal.SIGINT)))
    timer.daemon = True
    timer.start()
