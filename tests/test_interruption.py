"""A signal that comes while the garbage collector calls back is not lost."""

import gc
import os
import signal
import time
from collections.abc import Callable

import pytest

from minicnn.interruption import interrupt
from minicnn.train.signals import Stopped, raising


def collected_while(send: Callable[[], None]) -> None:
    """Send a signal from a callback of the garbage collector, and wait for what comes of it."""
    sent: list[str] = []

    def callback(phase: str, info: dict[str, int]) -> None:
        if not sent:
            sent.append(phase)
            send()
            for _ in range(1000):  # the handler runs between two of these steps
                pass

    gc.callbacks.append(callback)
    try:
        gc.collect()
        time.sleep(5)  # which the signal ends
    finally:
        gc.callbacks.remove(callback)


def test_sigint_in_a_callback_of_the_collector_still_interrupts():
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            collected_while(lambda: os.kill(os.getpid(), signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_in_a_callback_of_the_collector_still_stops():
    with raising(), pytest.raises(Stopped):
        collected_while(lambda: os.kill(os.getpid(), signal.SIGTERM))
