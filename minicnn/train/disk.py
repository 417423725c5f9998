"""Writing that survives: a file is there whole or not at all, and one process at a time writes a folder."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

# Bytes of one write. A signal is handled between two of them, and a full disk is noticed before all is prepared.
_CHUNK = 1 << 20
_LOCK, _OWNER = ".lock", ".owner"


def write_whole(path: Path, content: bytes) -> None:
    """Write aside, bring it to the disk, rename, and bring the folder's entry to the disk.

    Raises:
        OSError: naming the file and the reason; what was there before is untouched.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        _write(partial, os.O_TRUNC, content)
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        raise OSError(f"cannot write {path}: {error.strerror}") from error


def append(path: Path, line: str) -> None:
    """Add a line to a file and bring it to the disk.

    Raises:
        OSError: naming the file and the reason.
    """
    try:
        _write(path, os.O_APPEND, f"{line}\n".encode())
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file that is read as a whole only if it is no larger than such files are.

    A pipe does not know its size, and a device has none: of either no more is read than is asked.

    Raises:
        ValueError: if it has more than so many bytes, naming it, before they are read where it knows how many.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most else file.read(most + 1)
    if max(size, len(content)) > most:
        known = f"{size:,}" if size > most else "more"
        raise ValueError(f"{path} is damaged: it has {known} bytes, and no such file has more than {most:,}")
    return content


def remove(path: Path) -> None:
    """Delete a file, if it is there.

    Raises:
        OSError: naming the file and the reason.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(f"cannot delete {path}: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk, where the system lets a folder be opened: Windows does not."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        write_whole(owner, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        lock.release()


def _read_owner(path: Path) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.read(200) or "another process"
    except OSError:
        return "another process"


def _write(path: Path, how: int, content: bytes) -> None:
    # Windows would write two bytes for every end of a line.
    binary = getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | binary | how, 0o644)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left[:_CHUNK]) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
