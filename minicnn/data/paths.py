"""Paths as people write them, and what the system says of them."""

from pathlib import Path


def at_home(path: Path | str) -> Path:
    """Put the home folder for a leading `~` or `~name`, if there is one.

    >>> at_home("~/pictures") == Path.home() / "pictures"
    True
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def said(error: OSError) -> str:
    """Return what the system says, without a number and a repeated path.

    >>> said(FileNotFoundError(2, "No such file or directory", "x.png"))
    'No such file or directory'
    """
    return error.strerror or str(error)
