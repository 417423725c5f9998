"""How a run is launched: where it is written, where its data are, and which devices it has.

None of this decides the numbers of the run; `minicnn.train.config` does.
"""

from pathlib import Path
from typing import Annotated

from minicnn.train.schema import Count, Natural, checked, written

_Coordinator = Annotated[str, written(r"([^\s:]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", "must be HOST:PORT of process 0")]
# In every part of it there has to be something that is neither a dot nor a space, so that it leads nowhere else.
_PART = r"[^/\x00]*[^/\x00\s.][^/\x00]*"
_Name = Annotated[str, written(rf"({_PART}/)*{_PART}", "must be the name of a folder in --runs-dir")]


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

    name: _Name = "run"
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
