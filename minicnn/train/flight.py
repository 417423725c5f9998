"""Steps whose losses are not known yet, so that the loop never waits for one that it just began."""

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

MOST = 8


@dataclass(frozen=True)
class Tally:
    """What the host knows of a run after some steps; the sums are of the epoch so far."""

    step: int = 0
    loss_sum: float = 0.0
    right: int = 0
    seconds: float = 0.0


class NotFiniteError(ArithmeticError):
    """A loss that is NaN or infinite."""


class Flight:
    """The steps in flight, at most a few, and the newest state whose loss is known to be finite.

    Attributes:
        tally: after the steps whose losses are known.
        good: that state, and the tally before its step.
        loss: the newest loss known.
        accuracy: the accuracy on that batch.
    """

    def __init__(self, state: Any, tally: Tally) -> None:
        self.tally, self.good = tally, (state, tally)
        self.loss = self.accuracy = math.nan
        self._pending: deque[tuple[Any, Any, Any, int]] = deque()

    @property
    def step(self) -> int:
        """Steps dispatched."""
        return self.tally.step + len(self._pending)

    def launch(self, before: Any, loss: Any, right: Any, batch: int) -> None:
        """Note a step that began with a state; wait for the oldest only if too many are under way.

        Raises:
            NotFiniteError: if an older step's loss turns out not to be finite, naming that step.
        """
        self._pending.append((before, loss, right, batch))
        while self._pending and (len(self._pending) > MOST or self._pending[0][1].is_ready()):
            self._land_one()

    def land(self) -> None:
        """Wait for every step.

        Raises:
            NotFiniteError: as `launch`.
        """
        while self._pending:
            self._land_one()

    def elapsed(self, seconds: float) -> None:
        """Note the time that the run has taken so far."""
        self.tally = replace(self.tally, seconds=seconds)

    def begin_epoch(self) -> None:
        """Start the sums anew."""
        self.tally = replace(self.tally, loss_sum=0.0, right=0)

    def _land_one(self) -> None:
        before, loss, right, batch = self._pending.popleft()
        self.loss, correct = float(loss), int(right)
        self.accuracy = correct / batch
        if not math.isfinite(self.loss):
            raise NotFiniteError(f"the loss of step {self.tally.step + 1} is {self.loss}")
        self.good = before, self.tally
        sums = {"loss_sum": self.tally.loss_sum + self.loss, "right": self.tally.right + correct}
        self.tally = replace(self.tally, step=self.tally.step + 1, **sums)
