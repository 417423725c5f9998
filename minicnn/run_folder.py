"""Which files make the folder of a run, so that a folder is refused before anything is loaded that could read it."""

from pathlib import Path

CONFIG, METRICS, PARAMS = "config.json", "metrics.jsonl", "params.safetensors"


def check_begun(folder: Path) -> None:
    """Refuse a folder that no run began.

    Raises:
        FileNotFoundError: if it has no config.
    """
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder} is not a run: it has no {CONFIG}")


def check_finished(folder: Path) -> None:
    """Refuse a folder that no run finished.

    Raises:
        FileNotFoundError: if it lacks the config or the parameters, naming the file.
    """
    for name in (CONFIG, PARAMS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is not a finished run: it has no {name}")
