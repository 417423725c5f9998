"""The animations of the convolution-arithmetic guide, made and checked, and a page that shows them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.arguments import look_up
from minicnn.disk import write_whole
from minicnn.draw.arrays import Ruler
from minicnn.draw.guide import PUBLISHED, Published, W, X
from minicnn.draw.saving import save_animation
from minicnn.draw.worked_example import WorkedExample, worked_conv, worked_pool
from minicnn.draw.worked_figure import WorkedFigure
from minicnn.identities.comparison import Comparison, all_hold, compare, count, html_table

_ROUNDING = 1e-6  # of averages of 9 numbers up to 3: some 16 times float32's unit, 6e-8


@dataclass(frozen=True)
class Exhibit:
    """One animation that was made.

    Attributes:
        published: what it should be.
        file: its name in the folder.
        example: what it shows.
        checks: its numbers.
    """

    published: Published
    file: str
    example: WorkedExample
    checks: tuple[Comparison, ...]

    @property
    def ok(self) -> bool:
        """Whether all of its numbers agree."""
        return all_hold(self.checks)


def chosen(names: Sequence[str]) -> list[Published]:
    """The animations of these names; all if there are none.

    Raises:
        ValueError: for a name that none of them has.
    """
    known = {published.name: published for published in PUBLISHED}
    return [look_up("only", name, known, "an animation of the gallery") for name in names] or list(PUBLISHED)


def make(published: Published, folder: Path, suffix: str = ".gif", rate: float = 2.0) -> Exhibit:
    """Animate one, check its numbers, and write it to the folder."""
    example = example_of(published)
    path = save_animation(WorkedFigure(example), folder / f"{published.name}{suffix}", rate)
    return Exhibit(published, path.name, example, tuple(check(published, example)))


def example_of(published: Published) -> WorkedExample:
    """What an animation shows: the guide's own numbers where it has any."""
    i, k, o = ((size,) * 2 for size in (published.i, published.k, published.o))
    options: dict[str, Any] = {"stride": published.s, "padding": published.p, "dilation": published.d}
    if published.kind in ("average", "max"):
        return worked_pool(published.kind, X[..., None], k, **options)
    if published.kind == "transposed":
        return worked_conv(o, k, transpose=True, output_padding=published.a, **options)
    given: dict[str, Any] = {"x": X, "w": W} if published.numbers else {}
    return worked_conv(i, k, **given, **options)


def check(published: Published, example: WorkedExample) -> Iterator[Comparison]:
    """Compare what was published with what the library computes."""
    axis = example.core.axes[0]
    yield _published("output size", published.out_size, example.A.out_shape[0])
    yield _published("shape of the matrix", published.shape, example.C.shape)
    yield _published("non-zeros", published.nnz, example.A.nnz)
    yield _published("pictures", published.out_size**2, len(example.C))
    if published.kind == "transposed":
        ruler = Ruler.under(axis)
        yield _published("stretched input ĩ′", published.stretched, axis.stretched)
        yield _published("padding p′", published.p_transposed, -ruler.low)
        added = ruler.size + ruler.low - axis.stretched - published.p_transposed
        yield _published("zeros a at the bottom and right", published.a, added)
    if published.numbers:
        found = tuple(tuple(round(float(value), 1) for value in row) for row in example.y[..., 0])
        yield _published("output", published.numbers, found)
    yield _published("C·x is the output", True, _close(example.C @ np.ravel(example.x), example.y))
    yield _published("Cᵀ·ȳ is the gradient", True, _close(example.C.T @ np.ravel(example.y_bar), example.x_bars[-1]))


def _published(what: str, published: Any, found: Any) -> Comparison:
    return compare(what, found, published, keep=True)


def _close(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two arrays are equal: sums of small integers to the last bit, averages to their rounding."""
    return bool(np.allclose(left, np.ravel(right), rtol=_ROUNDING, atol=_ROUNDING))


def write_index(exhibits: Sequence[Exhibit], folder: Path) -> Path:
    """Write `index.html`: every animation with its text, its formula and its checked numbers."""
    path = folder / "index.html"
    write_whole(path, _PAGE.format(exhibits="\n".join(map(_figure, exhibits))))
    return path


def described(exhibit: Exhibit) -> str:
    """What an animation shows, for those who cannot see it."""
    example, (rows, columns) = exhibit.example, exhibit.example.C.shape
    return (
        f"{example.title}. {rows} pictures, one for each output: the window on the input, its row of the "
        f"{rows}×{columns} matrix {example.name}, the same entries as a column of the transpose, and the gradient "
        "accumulating in the input."
    )


def _figure(exhibit: Exhibit) -> str:
    published, example = exhibit.published, exhibit.example
    alt, file = escape(described(exhibit)), escape(exhibit.file)
    tag = {
        ".html": '<iframe src="{}" title="{}" loading="lazy"></iframe>',
        ".mp4": '<video src="{}" controls aria-label="{}"></video>',
    }
    picture = tag.get(Path(file).suffix, '<img src="{}" alt="{}" loading="lazy">').format(file, alt)
    note = f"<p>{escape(published.note)}</p>" if published.note else ""
    return (
        f'<figure id="{published.name}"><h2>{escape(example.title)}</h2>{picture}<figcaption>'
        f"<p>Relationship {published.relationship}: {escape('; '.join(example.formula))}</p>{note}"
        f"<details><summary>{count(exhibit.checks)} numbers agree</summary>"
        f"{html_table(exhibit.checks, ('identity', 'claimed', 'found'))}</details></figcaption></figure>"
    )


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Convolution arithmetic, with its matrices</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
figure {{ margin: 3rem 0; }}
h2 {{ font-size: 1.2rem; }}
img, video, iframe {{ width: 100%; height: auto; border: 0; }}
iframe {{ height: 60rem; }}
td, th {{ padding: 0 1rem 0 0; text-align: left; }}
</style>
</head>
<body>
<h1>Convolution arithmetic, with its matrices</h1>
<p>The animations of Dumoulin &amp; Visin, <em>A guide to convolution arithmetic for deep learning</em>
(<a href="https://arxiv.org/abs/1603.07285">arXiv 1603.07285</a>), computed anew. Each steps through the outputs: the
window on the input, its row of the matrix, the same entries as a column of the transpose, and the gradient (the
vector–Jacobian product of the outputs so far) as it accumulates in the input. All numbers come from the library, and
the published ones are compared with them.</p>
{exhibits}
</body>
</html>
"""
