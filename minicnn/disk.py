"""Writing that survives: a file is there whole or not at all."""

import errno
import os
import secrets
import time
from contextlib import suppress
from os.path import realpath
from pathlib import Path

# What ends the hidden name under which a file is written; one that a kill leaves behind is read by nobody, and goes
# when the same file is written a day later.
_PARTIAL = ".partial"
# Bytes of a file's name in its name aside, which file systems limit: to 255 bytes, or 143 where names are encrypted.
_LABEL = 100
# Seconds in which nothing was written to a file aside, after which nobody is writing it any more.
_DAY = 86_400
# Random bytes of its name.
_RANDOM = 8
# Bytes of one write. A signal is handled between two of them, and a full disk is noticed before all is prepared.
_CHUNK = 1 << 20


def write_whole(path: Path, content: bytes | str) -> None:
    """Write aside, bring it to the disk, rename, and bring the folder's entry to the disk.

    A link stays one: the file that it points to is replaced. Permissions stay, hard links do not. What is no file, such
    as a pipe or a terminal, is written.

    Several may write one file at once: each does so aside under a name of its own, and the last to finish has its file
    there. What cannot be written aside is not written in place, for it would not survive.

    Args:
        path: of the file.
        content: all of it; text is written in UTF-8.

    Raises:
        OSError: naming the file and the reason; what was there before is untouched.
    """
    content = content.encode() if isinstance(content, str) else content
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                stream.write(content)
        else:
            _replace(_target(path), content)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error


def _target(path: Path) -> Path:
    target = Path(realpath(path))
    if target.is_symlink():  # of a loop there is no end
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return target


def _replace(path: Path, content: bytes) -> None:
    label = os.fsencode(path.name)[:_LABEL].decode(errors="ignore")
    partial = path.with_name(f".{label}.{secrets.token_hex(_RANDOM)}{_PARTIAL}")
    try:
        _write(partial, os.O_EXCL, content)
        if path.exists():
            partial.chmod(path.stat().st_mode)
        os.replace(partial, path)
        sync_folder(path.parent)
        _clear_old(path.parent, f".{label}.")
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        if isinstance(error, PermissionError):
            why = f"{error.strerror}: it is made beside and renamed, so its folder must be writable"
            raise PermissionError(error.errno, why) from error
        raise


def _clear_old(folder: Path, begins: str) -> None:
    """Delete what kills have left aside of one file, if it is old; what cannot be deleted stays.

    Others may be writing the same file: theirs are young. One that is stopped for a day fails to rename, and says so.
    """
    length, oldest = len(begins) + 2 * _RANDOM + len(_PARTIAL), time.time() - _DAY
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(entry.name) == length and entry.name.startswith(begins) and entry.name.endswith(_PARTIAL):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < oldest:
                        os.unlink(entry.path)


def clear(folder: Path) -> None:
    """Delete what kills have left aside in a folder that nobody else is writing.

    Raises:
        OSError: naming the file and the reason.
    """
    for partial in folder.glob(f".*{_PARTIAL}"):
        remove(partial)


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


def _write(path: Path, how: int, content: bytes) -> None:
    # Windows would write two bytes for every end of a line.
    binary = getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | binary | how, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left[:_CHUNK]) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
