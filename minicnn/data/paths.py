"""Paths as people write them, and what the system says of them."""

from pathlib import Path


def at_home(path: Path | str) -> Path:
    """Put the home folder for a leading `~` or `~name`, if there is one.

    Raises:
        ValueError: for a path that no file can have: the system's names end at a NUL.

    >>> at_home("~/pictures") == Path.home() / "pictures"
    True
    """
    if "\0" in str(path):
        raise ValueError(f"the path {str(path)!r} has a NUL in it: no file's name has one")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def check_folder(data_dir: Path | str | None) -> None:
    """Refuse what is given as the folder of a data set and is none.

    Raises:
        FileNotFoundError: naming it.
    """
    if data_dir is not None and not at_home(data_dir).is_dir():
        raise FileNotFoundError(f"`data_dir`={str(data_dir)!r} is not a folder")


def said(error: OSError) -> str:
    """Return what the system says, without a number and a repeated path.

    >>> said(FileNotFoundError(2, "No such file or directory", "x.png"))
    'No such file or directory'
    """
    return error.strerror or str(error)
