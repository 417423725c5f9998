"""What a person sees while a run goes on."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from minicnn.train import Moment, Record

_EVERY = 0.1


class _Speed(ProgressColumn):
    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch = batch

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed * self.batch:,.0f} images/s" if task.speed else "– images/s")


class Display:
    """A bar with loss, accuracies, images per second and the time left; plain lines where there is no terminal."""

    def __init__(self, bar: Progress, console: Console, epochs: int) -> None:
        self.bar, self.console, self.epochs = bar, console, epochs
        self.task = bar.add_task("training", total=None, loss="–", train="–", test="–")
        self.shown = 0.0

    def on_step(self, moment: "Moment") -> None:
        """Show where training is, at most ten times a second."""
        now = time.perf_counter()
        if now - self.shown >= _EVERY or moment.step == moment.steps:
            self.shown = now
            fields: dict[str, Any] = {"loss": f"{moment.loss:.4f}", "train": f"{100 * moment.accuracy:.1f} %"}
            known = {} if math.isnan(moment.loss) else fields
            self.bar.update(self.task, completed=moment.step, total=moment.steps, **known)

    def on_epoch(self, record: "Record") -> None:
        """Show what is known after an epoch."""
        test = f"{100 * record.test_accuracy:.2f} %"
        self.bar.update(self.task, loss=f"{record.loss:.4f}", test=test)
        if not self.console.is_terminal:
            self.console.print(
                f"epoch {record.epoch} of {self.epochs}: loss {record.loss:.4f}, "
                f"train {100 * record.train_accuracy:.2f} %, test {test}, {record.seconds:.1f} s",
                highlight=False,
            )

    def warn(self, text: str) -> None:
        """Say what a person should know."""
        self.console.print(f"[yellow]warning:[/] {escape(text)}", highlight=False, soft_wrap=True)


@contextmanager
def display(console: Console, config: Any) -> Iterator[Display]:
    """Show a run while it goes on."""
    columns = (
        TextColumn("training"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]} train {task.fields[train]} test {task.fields[test]}"),
        _Speed(config.batch),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield Display(bar, console, config.epochs)
