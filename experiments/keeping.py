"""Numbers of long runs, kept as they are found, so that a run that is stopped goes on where it was."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """A number, and the seconds of processor time that finding it took."""

    value: float
    seconds: float


@dataclass(frozen=True)
class Keeper:
    """A file with a number in each line, under the name of what it depends on; no file if its path is empty.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for number in (1.5, 2.5):
    ...         print(Keeper(f"{folder}/kept.jsonl").measured("seed 0", lambda: number).value)
    1.5
    1.5
    """

    path: str = ""

    def measured(self, name: str, find: Callable[[], float]) -> Measured:
        """The number under a name: from the file, else found, timed and written."""
        if (known := self._read().get(name)) is not None:
            return known
        begun = time.process_time()
        number = Measured(float(find()), 0.0)
        number = Measured(number.value, round(time.process_time() - begun, 1))
        if self.path:
            path = Path(self.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(json.dumps({"name": name, "value": number.value, "seconds": number.seconds}) + "\n")
        return number

    def _read(self) -> dict[str, Measured]:
        if not self.path or not Path(self.path).exists():
            return {}
        # A line that was being written when the run was stopped has no end.
        lines = [line for line in Path(self.path).read_text().splitlines() if line.endswith("}")]
        return {fact["name"]: Measured(fact["value"], fact["seconds"]) for fact in map(json.loads, lines)}
