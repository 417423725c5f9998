"""Where data sets come from: a folder of the user, the cache, or a mirror."""

import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from minicnn.data.paths import at_home, check_folder
from minicnn.disk import write_whole

VARIABLE = "MINICNN_DATA"
_TIMEOUT = 15


@dataclass(frozen=True)
class Source:
    """A data set as files.

    Attributes:
        name: of the set, and of the folder that holds its files.
        parts: of each part at least one file must be there; a part lists the names it can have.
        mirrors: addresses to which the name of a download is appended.
        downloads: the SHA-256 of each file that is downloaded; a .tar.gz is unpacked.
        folders: other names that people's folders with these files have; files without such a folder are found, too.
    """

    name: str
    parts: tuple[tuple[str, ...], ...]
    mirrors: tuple[str, ...] = ()
    downloads: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()

    def files_in(self, parent: Path) -> list[list[Path]] | None:
        """Return for each part its files in the first folder that has all parts, or None if none has."""
        for folder in (self.name, *self.folders, "."):
            found = [[path for name in part if (path := parent / folder / name).is_file()] for part in self.parts]
            if all(found):
                return found
        return None


def locate(source: Source, data_dir: Path | str | None = None) -> list[list[Path]]:
    """The files of a data set: in `data_dir`, in $MINICNN_DATA or in the cache, in that order, else downloaded.

    Args:
        source: the data set.
        data_dir: a folder that holds the files, or a folder named as the set with them; `~` is the home folder.

    Returns:
        For each part of the source its files.

    Raises:
        FileNotFoundError: if `data_dir` is not a folder, or if the files are nowhere and no mirror gives them; it lists
            the ways to provide them.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "tiny").mkdir()
    >>> (folder / "tiny" / "a.bin").touch()
    >>> found = locate(Source("tiny", (("a.bin", "b.bin"),)), folder)
    >>> [path.name for path in found[0]]
    ['a.bin']
    """
    return locate_one((source,), data_dir)[1]


def locate_one(sources: Sequence[Source], data_dir: Path | str | None = None) -> tuple[Source, list[list[Path]]]:
    """The first of several data sets, in the first place that has one, and its files; else the first, downloaded.

    Raises:
        FileNotFoundError: as `locate` does.
    """
    check_folder(data_dir)
    given = [at_home(parent) for parent in (data_dir, os.environ.get(VARIABLE)) if parent]
    for parent in given:
        if found := _first_in(parent, sources):
            return found
    # Not before: pooch, which knows where the cache is, takes a while to import.
    cache = _cache()
    if found := _first_in(cache, sources):
        return found
    source = sources[0]
    failures = _download(source, cache / source.name)
    found = source.files_in(cache)
    if found is None:
        places = ", ".join(str(parent / source.name) for parent in (*given, cache))
        wanted = ", ".join(part[0] for part in source.parts)
        ways = [f"--data-dir FOLDER with {wanted} in FOLDER or FOLDER/{source.name}", f"the same FOLDER in ${VARIABLE}"]
        if source.mirrors:
            ways.append(f"a network from which it can be downloaded (no mirror gave it: {'; '.join(failures)})")
        raise FileNotFoundError(f"{source.name} is not in {places}. Provide it by {', or by '.join(ways)}.")
    return source, found


def _first_in(parent: Path, sources: Sequence[Source]) -> tuple[Source, list[list[Path]]] | None:
    return next(((source, found) for source in sources if (found := source.files_in(parent))), None)


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("minicnn"))


def _download(source: Source, folder: Path) -> list[str]:
    """Fetch every file from the first mirror that gives it intact; return why they failed, if one file has none."""
    for name, sha256 in source.downloads.items():
        failures: list[str] = []
        if not any(_fetch(mirror, name, sha256, folder, failures) for mirror in source.mirrors):
            return failures
        if name.endswith(".tar.gz"):
            _unpack(folder / name, {name for part in source.parts for name in part})
    return []


def _fetch(mirror: str, name: str, sha256: str, folder: Path, failures: list[str]) -> bool:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    # pooch's annotations know neither a bar of one's own nor that its own downloaders are downloaders.
    downloader: Any = pooch.HTTPDownloader(progressbar=cast(Any, _Bar(name)), timeout=_TIMEOUT)
    try:
        pooch.retrieve(mirror + name, known_hash=f"sha256:{sha256}", fname=name, path=folder, downloader=downloader)
    except ValueError:
        failures.append(f"{mirror}{name}: not the file with the known SHA-256")
    except OSError as error:
        failures.append(f"{mirror}{name}: {type(error).__name__}")
    else:
        return True
    return False


def _unpack(archive: Path, wanted: set[str]) -> None:
    """Put the wanted files beside the archive, each whole or not at all, and remove it."""
    with tarfile.open(archive) as tar:
        for member in tar:
            name = Path(member.name).name
            content = tar.extractfile(member) if name in wanted else None
            if content is not None:
                write_whole(archive.with_name(name), content.read())
    archive.unlink()


class _Bar:
    """This is a progress bar as pooch drives it."""

    def __init__(self, name: str) -> None:
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self.bar = Progress(TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self.task = self.bar.add_task(name, total=None)
        self.total: Any = None

    def update(self, size: int) -> None:
        """Show that so many more bytes have come."""
        self.bar.start()
        self.bar.update(self.task, total=self.total, advance=size)

    def reset(self) -> None:
        """Begin again."""
        self.bar.reset(self.task)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.stop()
