"""Faults in a person's own code, told in one line that says where in it they are."""

import site
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import minicnn

# What a person has not written: this library, Python's own, and what is installed.
_INSTALLED = {
    Path(folder).resolve()
    for folder in (
        Path(minicnn.__file__).parent,
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *site.getsitepackages(),
    )
}


@contextmanager
def placed_faults(target: str) -> Iterator[None]:
    """Tell whatever a person's own code raises with its place there; all other errors pass.

    Args:
        target: as it was typed, for faults that keep no place.

    Raises:
        ValueError: in place of what was raised, with its type, its message, and the innermost line that is theirs.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file that ends the process, too
        place = _place(error, target)
        if place is None:
            raise
        said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        raise ValueError(f"{place}: {type(error).__name__}{said and ': '}{said}") from error


def _place(error: BaseException, target: str) -> str | None:
    """File and line where a person's code is, when it is at fault."""
    if isinstance(error, SyntaxError) and error.filename is not None and _is_own(error.filename):
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    if frames:
        return f"{frames[-1].filename}:{frames[-1].lineno}"
    return target if isinstance(error, SyntaxError) else None


def _is_own(file: str) -> bool:
    """Whether a person has written a file; what is in angle brackets, such as <string>, is none."""
    path = Path(file).resolve()
    return not file.startswith("<") and not any(path.is_relative_to(folder) for folder in _INSTALLED)
