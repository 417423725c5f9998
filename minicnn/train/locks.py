"""One process at a time writes a folder."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from minicnn.disk import write_whole

_LOCK, _OWNER = ".lock", ".owner"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only process that writes a folder; the lock goes with the process, however that ends.

    Raises:
        OSError: if another process has it, naming that process, or if the folder cannot be written.
    """
    # The name is in a file of its own: where locks are mandatory, nobody else can read the one that is locked.
    lock, owner = FileLock(folder / _LOCK, timeout=0), folder / _OWNER
    try:
        lock.acquire()
    except Timeout as error:
        raise OSError(
            f"{folder} is being written by {_read_owner(owner)}: wait for it, or stop it, before you resume"
        ) from error
    except OSError as error:
        raise OSError(f"cannot write in {folder}: {error.strerror}") from error
    try:
        write_whole(owner, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        lock.release()


def _read_owner(path: Path) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.read(200) or "another process"
    except OSError:
        return "another process"
