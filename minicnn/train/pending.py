"""Steps whose losses are not known yet, so that the loop never waits for one that it just began."""

import math
from collections import deque
from dataclasses import replace
from typing import Any

from minicnn.train.schema import Natural, Real, Seconds, checked

# How many steps the host may be ahead of the devices. Two would hide the gathering of a batch; eight also hide a pause
# of the host, and each keeps one state of the run in memory.
MOST = 8


@checked
class Tally:
    """What the host knows of a run after some steps; the sums are of the epoch so far."""

    step: Natural = 0
    loss_sum: Real = 0.0
    right: Natural = 0
    seconds: Seconds = 0.0


class NotFiniteError(ArithmeticError):
    """A loss or a parameter is NaN or infinite."""


class Pending:
    """The steps that were dispatched and not waited for, at most a few, and the newest state known to be good.

    Attributes:
        tally: what is known after the steps whose losses are known.
        good: the newest state that gave a finite loss, and the tally before its step.
        loss: the newest loss known.
        accuracy: the accuracy on that batch.
    """

    def __init__(self, state: Any, tally: Tally) -> None:
        self.tally, self.good = tally, (state, tally)
        self.loss = self.accuracy = math.nan
        self._steps: deque[tuple[Any, Any, Any, int]] = deque()

    @property
    def step(self) -> int:
        """The number of steps dispatched."""
        return self.tally.step + len(self._steps)

    def add(self, before: Any, loss: Any, right: Any, batch: int) -> None:
        """Note a step that began with a state; wait for the oldest only if too many are pending.

        Raises:
            NotFiniteError: if an older step's loss turns out not to be finite, naming that step.
        """
        self._steps.append((before, loss, right, batch))
        while self._steps and (len(self._steps) > MOST or self._steps[0][1].is_ready()):
            self._wait_for_oldest()

    def wait(self) -> None:
        """Wait for every step.

        Raises:
            NotFiniteError: as `add`.
        """
        while self._steps:
            self._wait_for_oldest()

    def elapsed(self, seconds: float) -> None:
        """Note the time that the run has taken so far."""
        self.tally = replace(self.tally, seconds=seconds)

    def begin_epoch(self) -> None:
        """Start the sums of an epoch anew."""
        self.tally = replace(self.tally, loss_sum=0.0, right=0)

    def _wait_for_oldest(self) -> None:
        before, loss, right, batch = self._steps.popleft()
        self.loss, correct = float(loss), int(right)
        self.accuracy = correct / batch
        if not math.isfinite(self.loss):
            raise NotFiniteError(f"the loss of step {self.tally.step + 1} is {self.loss}")
        self.good = before, self.tally
        sums = {"loss_sum": self.tally.loss_sum + self.loss, "right": self.tally.right + correct}
        self.tally = replace(self.tally, step=self.tally.step + 1, **sums)
