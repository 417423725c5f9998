"""Faults in a person's own code, told in one line that says where in it they are."""

import site
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import minicnn
from minicnn.cli.app import TOLD

_LIBRARY = Path(minicnn.__file__).parent.resolve()
_PACKAGES = {
    Path(folder).resolve()
    for folder in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages())
}
# What a person has not written: this library, Python's own, and what is installed.
_INSTALLED = {_LIBRARY, *_PACKAGES, *(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))}
# What this library is made of: what they raise may be its own fault, and keeps its traceback.
_BENEATH = ("jax", "jaxlib", "numpy", "scipy", "minicnn")


@contextmanager
def placed_faults(target: str) -> Iterator[None]:
    """Tell whatever a person's own code raises with its place there; other errors that are told in one line pass.

    A model of an installed package may fail where no line is a person's own: what else it raises is told with its place
    in the package.

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
        if (looking := _looking(error, target)) is not None:
            raise ValueError(looking) from error
        place = _place(error, target)
        if place is None:
            raise
        said = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        raise ValueError(f"{place}: {type(error).__name__}{said and ': '}{said}") from error


def _looking(error: BaseException, target: str) -> str | None:
    """Where code makes numbers of what JAX traces, of which JAX tells in words about this library's own code.

    What `lift` says of a line in somebody's code is said already.
    """
    from minicnn.lift.linear_jaxpr import LOOKED_AT

    looked = next((one for one in (error, error.__cause__) if isinstance(one, LOOKED_AT)), None)
    place = None if looked is None else _place(looked, target)
    if looked is None or (looked is not error and place is not None):
        return None
    return (
        f"{place or target} makes numbers of Python or NumPy of its inputs, and these have no derivative: use jax.numpy"
    )


def _place(error: BaseException, target: str) -> str | None:
    """File and line where a person's code is, when it is at fault."""
    if isinstance(error, SyntaxError) and error.filename is not None and _is_own(error.filename):
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    if not frames and not isinstance(error, TOLD):
        frames = _in_packages(traceback.extract_tb(error.__traceback__))
    if frames:
        return f"{frames[-1].filename}:{frames[-1].lineno}"
    return target if isinstance(error, SyntaxError) else None


def _in_packages(frames: Sequence[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames of what this library called last, where that is another package and not one that it is made of."""
    paths = [Path(frame.filename).resolve() for frame in frames]
    last = max((n for n, path in enumerate(paths) if path.is_relative_to(_LIBRARY)), default=-1)
    return [frame for frame, path in zip(frames[last + 1 :], paths[last + 1 :], strict=True) if _is_of_package(path)]


def _is_of_package(path: Path) -> bool:
    within = [path.relative_to(folder) for folder in _PACKAGES if path.is_relative_to(folder)]
    return any(inner.parts[0] not in _BENEATH for inner in within)


def _is_own(file: str) -> bool:
    """Whether a person has written a file; what is in angle brackets, such as <string>, is none."""
    path = Path(file).resolve()
    return not file.startswith("<") and not any(path.is_relative_to(folder) for folder in _INSTALLED)
