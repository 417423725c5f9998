"""How a run is launched: where it is written, where its data are, and which devices it has.

None of this decides the numbers of the run; `minicnn.train.config` does.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from minicnn.train.schema import Count, Natural, checked, written

# A port is a number of 16 bits, and 0 is none.
_PORT = r"0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"
_Coordinator = Annotated[str, written(rf"([^\s:]+|\[[0-9a-fA-F:.]+\]):{_PORT}", "must be HOST:PORT of process 0")]
# Longer ones may not fit into what a file system has room for, with the number that is added if the folder exists.
_LONGEST = 200


def _of_one_folder(name: str) -> str:
    """Refuse a name that leads elsewhere, or that a person cannot type, see, or give to another command."""
    is_seen = name.isprintable() and len(name) <= _LONGEST
    if not is_seen or not name.strip(" .") or {"/", "\\"} & {*name} or name[0] in "~-":
        raise ValueError(
            f"must be the name of a folder in --runs-dir: at most {_LONGEST} characters that can be seen, no / or \\ "
            "among them, and neither ~ nor - first"
        )
    return name


@checked
class Launch:
    """Where a run is written, where its data are, and which devices it has.

    Attributes:
        name: of the run's folder.
        runs_dir: where the folders of runs are.
        data_dir: where the files of the data set are looked for first.
        resume: the folder of a run to go on with.
        checkpoint_every: steps between checkpoints; one after every epoch if 0.
        devices: devices of each process that share every batch; all, or one if there is one process, if None.
        coordinator: of several processes, HOST:PORT of process 0.
        processes: how many there are.
        process: which of them this is, from 0.
    """

    name: Annotated[str, AfterValidator(_of_one_folder)] = "run"
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    resume: Path | None = None
    checkpoint_every: Natural = 0
    devices: Count | None = None
    coordinator: _Coordinator | None = None
    processes: Count = 1
    process: Natural = 0

    def __post_init__(self) -> None:
        if self.process >= self.processes:
            raise ValueError(f"`process`={self.process} must be less than `processes`={self.processes}")
        if self.coordinator is None and self.processes > 1:
            raise ValueError(f"`processes`={self.processes} need a `coordinator`: give HOST:PORT of process 0")
