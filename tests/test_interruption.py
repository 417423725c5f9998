"""A signal that comes where Python cannot raise, in finalisers and callbacks of its garbage collector, is not lost."""

import gc
import os
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from minicnn.interruption import send_again
from minicnn.train.signals import Stopped, raising


def sent(signum: int) -> None:
    os.kill(os.getpid(), signum)
    for _ in range(1000):  # the handler runs between two of these steps
        pass


def in_a_callback_of_the_collector(signum: int) -> None:
    waiting = [signum]
    callback = lambda phase, info: sent(waiting.pop()) if waiting else None
    gc.callbacks.append(callback)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(callback)


def in_a_finaliser(signum: int) -> None:
    class Finalised:
        def __del__(self) -> None:
            sent(signum)

    Finalised()


def in_a_callback_of_a_reference(signum: int) -> None:
    class Referred:
        pass

    referred = Referred()
    reference = weakref.ref(referred, lambda _: sent(signum))
    del referred
    assert reference() is None


@pytest.fixture(autouse=True)
def others_unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    others: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", partial(send_again, others.append))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which workers of the tests ignore
    yield others
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("where", [in_a_callback_of_the_collector, in_a_finaliser, in_a_callback_of_a_reference])
def test_signals_are_obeyed_a_little_later(where: Callable[[int], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        where(signal.SIGINT)
        time.sleep(5)  # which the signal ends
    with raising(), pytest.raises(Stopped):
        where(signal.SIGTERM)
        time.sleep(5)


def test_other_exceptions_are_what_they_were(others_unraisable: list[object]) -> None:
    class Failing:
        def __del__(self) -> None:
            raise ValueError

    Failing()
    assert len(others_unraisable) == 1
