"""The figure of a worked example written to a file: as a still, or as an animation that steps through the outputs."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from minicnn.disk import write_whole
from minicnn.draw.worked_example import WorkedExample
from minicnn.draw.worked_figure import WorkedFigure

_MOST = 400  # outputs that an animation can step through: at two a second they last more than three minutes
_PROBES = 6  # pictures whose colours make the palette: its mean error is within 4 % of that of a palette of all
_SLOWEST, _FASTEST = 0.01, 100  # pictures per second: a GIF holds one for 0.01 to 655 s, the last one thrice as long
_HELD = 3  # how many times as long the last picture is held, so that one sees where the animation ends


def check_folder(path: Path) -> None:
    """Raise if a file cannot be written because its folder is missing, or it is one, before anything is computed.

    Raises:
        FileNotFoundError: naming the folder.
        IsADirectoryError: naming the file.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}")
    if path.is_dir():
        raise IsADirectoryError(f"{path} cannot be written: it is a folder")


def check_still(path: Path) -> None:
    """Raise if a still cannot be written there, before anything is drawn.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if the suffix is not a format that matplotlib knows.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    check_folder(path)
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in known:
        raise ValueError(f"{path.name}: a still is one of {', '.join(sorted(known))}")


def save_still(worked: WorkedFigure, path: Path, dpi: int = 150) -> Path:
    """Write the picture at rest, in any format that matplotlib knows.

    Raises:
        ValueError: if the suffix is not such a format.
    """
    check_still(path)
    worked.show(None)
    save_figure(worked.figure, path, dpi)
    return path


def save_figure(figure: Any, path: Path, dpi: int) -> None:
    """Write a figure of matplotlib, whole or not at all, in the format that the suffix names."""
    content = BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=dpi)
    write_whole(path, content.getvalue())


def check_animation(path: Path, rate: float) -> None:
    """Raise if an animation cannot be written there, before anything is drawn.

    Raises:
        ValueError: if the suffix is not .gif, .mp4 or .html, or the rate not one that a browser can show.
        FileNotFoundError: if there is no such folder, or if it is .mp4 and there is no ffmpeg.
    """
    from matplotlib.animation import FFMpegWriter

    check_folder(path)
    if not _SLOWEST <= rate <= _FASTEST:
        raise ValueError(f"`rate`={rate} must be from {_SLOWEST} to {_FASTEST} pictures per second")
    if path.suffix.lower() not in _WRITERS:
        raise ValueError(f"{path.name}: an animation is one of {', '.join(_WRITERS)}")
    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        raise FileNotFoundError(f"{path.name} needs ffmpeg, which is not installed: write a .gif or a .html instead")


def check_outputs(path: Path, example: WorkedExample) -> None:
    """Raise if an animation would have too many pictures, before any of them is drawn.

    Raises:
        ValueError: if there are more outputs than anyone would watch.
    """
    outputs = example.A.shape[0]
    if outputs > _MOST:
        raise ValueError(f"{path.name} would step through {outputs:,} outputs: at most {_MOST}, so use a smaller input")


def save_animation(worked: WorkedFigure, path: Path, rate: float = 2.0) -> Path:
    """Write the outputs one after the other.

    Args:
        worked: what is written.
        path: ends in .gif, .mp4 or .html.
        rate: pictures per second, from 0.01 to 100.

    Raises:
        ValueError: for another suffix, or more outputs than anyone would watch.
        FileNotFoundError: if the suffix is .mp4 and there is no ffmpeg.
    """
    check_animation(path, rate)
    check_outputs(path, worked.example)
    _WRITERS[path.suffix.lower()](worked, path, rate)
    return path


def _gif(worked: WorkedFigure, path: Path, rate: float) -> None:
    first, *rest = _pictures(worked)
    step = round(1000 / rate)
    durations = [step] * len(rest) + [_HELD * step]
    content = BytesIO()
    first.save(content, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    write_whole(path, content.getvalue())


def _pictures(worked: WorkedFigure) -> list[Any]:
    """Every output's picture, all with one palette, so that a GIF stores only what changes."""
    from PIL import Image

    outputs = len(worked.example.C)
    probes = np.stack([frame[::2, ::2] for frame in worked.frames(range(0, outputs, max(outputs // _PROBES, 1)))])
    palette, nearest = commonest(probes)
    pictures = []
    for frame in worked.frames():
        picture = Image.fromarray(nearest[_box(frame)])
        picture.putpalette(palette.tobytes())
        pictures.append(picture)
    return pictures


def commonest(
    pictures: UInt8[np.ndarray, "n h w 3"], number: int = 256
) -> tuple[UInt8[np.ndarray, "k 3"], UInt8[np.ndarray, " boxes"]]:
    """The commonest colours, and for each box of 8×8×8 neighbouring colours the nearest of them.

    At most one colour is taken from a box, so that the large areas keep theirs exactly.

    >>> palette, nearest = commonest(np.array([[[[255, 255, 255], [255, 255, 255], [9, 0, 0]]]], np.uint8))
    >>> palette.tolist(), nearest[[0, 32767]].tolist()
    ([[255, 255, 255], [9, 0, 0]], [1, 0])
    """
    flat = pictures.reshape(-1, 3).astype(np.int32)
    colors, counts = np.unique(flat @ np.array([65536, 256, 1]), return_counts=True)
    colors = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1)[np.argsort(-counts, kind="stable")]
    _, first = np.unique(_box(colors), return_index=True)
    palette = colors[np.sort(first)[:number]]
    levels = np.arange(4, 256, 8)
    centres = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    square = (centres**2).sum(1)[:, None] - 2 * centres @ palette.T + (palette**2).sum(1)
    nearest = square.argmin(1)
    nearest[_box(palette)] = np.arange(len(palette))
    return palette.astype(np.uint8), nearest.astype(np.uint8)


def _box(colors: UInt8[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n"]:
    r, g, b = np.moveaxis(colors.astype(np.int32) >> 3, -1, 0)
    return r << 10 | g << 5 | b


def _mp4(worked: WorkedFigure, path: Path, rate: float) -> None:
    from matplotlib.animation import FuncAnimation

    frames: Any = FuncAnimation(worked.figure, lambda n: (worked.show(n), ())[1], frames=len(worked.example.C))
    with TemporaryDirectory() as folder:  # ffmpeg writes a file by its name only
        film = Path(folder) / "film.mp4"
        frames.save(film, writer="ffmpeg", fps=rate)
        write_whole(path, film.read_bytes())


def _html(worked: WorkedFigure, path: Path, rate: float) -> None:
    """Write the explorer's page with the example in it."""
    from minicnn.draw.style import lightness
    from minicnn.explore import write_page
    from minicnn.explore.setting import setting_of

    example = worked.example
    setting = setting_of(example.A, example.x, example.y_bar, transposed=example.transposed)
    theme = "dark" if lightness(worked.x.paper) < 0.5 else "light"
    write_page(path, {**setting, "step": "1", "rate": f"{rate:g}", "theme": theme}, network=False)


_WRITERS: dict[str, Callable[[WorkedFigure, Path, float], None]] = {".gif": _gif, ".mp4": _mp4, ".html": _html}
