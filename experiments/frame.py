"""What an experiment is: a question, a run, and a result that says of each claim whether it holds.

An experiment is a module in a folder of `experiments`. Its docstring begins with the question and goes on with the
method and the sources; `ROWS` are the numbers of the systems that it answers (`experiments.rows` has their table), if
any; `run(...)` returns a `Result` in under a minute; `SMALL` and `FULL` are the arguments with which it takes a second,
for the tests, and as long as it needs.
"""

import json
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from rich.markup import escape
from rich.table import Table as RichTable

import experiments

# Widths of a figure in inches: one column of a page, and a slide seen from the last row.
WIDTHS = {"page": 6.4, "slide": 11.0}


@dataclass(frozen=True)
class Claim:
    """One statement that a run decides.

    Attributes:
        what: the statement.
        found: what the run found.
        expected: what was expected, with the tolerance.
        source: where that comes from.
        holds: the verdict.
    """

    what: str
    found: str
    expected: str
    source: str
    holds: bool


def equal(what: str, found: Any, expected: Any, source: str, tolerance: float = 0.0) -> Claim:
    """Claim that numbers, or arrays of them, differ from the expected ones by no more than a tolerance.

    >>> equal("6 · 7", 42, 42, "arithmetic").holds
    True
    """
    actual, wanted = np.asarray(found), np.asarray(expected)
    same = actual.shape == wanted.shape
    if {actual.dtype.kind, wanted.dtype.kind} & set("OUSb"):
        return Claim(what, shown(found), shown(expected), source, bool(same and np.all(actual == wanted)))
    error = float(np.max(np.abs(actual - wanted), initial=0)) if same else np.inf
    allowed = f" ± {tolerance:.2g}" if tolerance else ""
    return Claim(what, shown(found), shown(expected) + allowed, source, bool(error <= tolerance))


def at_most(what: str, found: float, bound: float, source: str) -> Claim:
    """Claim that a number is no larger than a bound."""
    return Claim(what, shown(found), f"at most {shown(bound)}", source, bool(found <= bound))


def at_least(what: str, found: float, bound: float, source: str) -> Claim:
    """Claim that a number is no smaller than a bound."""
    return Claim(what, shown(found), f"at least {shown(bound)}", source, bool(found >= bound))


def differs(what: str, found: Any, other: Any, source: str) -> Claim:
    """Claim that two results are not the same: a counterexample."""
    same = np.shape(found) == np.shape(other) and bool(np.all(np.asarray(found) == np.asarray(other)))
    return Claim(what, shown(found), f"not {shown(other)}", source, not same)


@dataclass(frozen=True)
class Table:
    """Numbers of a run, with a title and one name per column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure of a run.

    Attributes:
        name: of its file.
        caption: what is seen, in a sentence.
        draw: draws into an empty figure of any size.
        height: of the figure, as a fraction of its width.
    """

    name: str
    caption: str
    draw: Callable[[Figure], None]
    height: float = 0.62

    def figure(self, width: float) -> Figure:
        """Draw at a width in inches; on a slide letters and lines are larger, but less than the figure is."""
        wide = width >= WIDTHS["slide"]
        sizes: dict[Any, Any] = (
            {"font.size": 14, "lines.linewidth": 2.5, "lines.markersize": 9} if wide else {"font.size": 9}
        )
        with mpl.rc_context(sizes):
            figure = Figure((width, width * self.height), layout="constrained")
            self.draw(figure)
        return figure

    def save(self, path: Path, width: float, dpi: float) -> None:
        """Write it as a PNG, drawn once: `savefig` lays out a figure twice, which is most of the time."""
        figure = self.figure(width)
        figure.dpi = dpi
        FigureCanvasAgg(figure).print_png(path)


@dataclass(frozen=True)
class Film:
    """A figure that moves.

    Attributes:
        name: of its file.
        caption: what is seen, in a sentence.
        draw: draws into an empty figure of any size, and returns what shows one of the steps in it.
        steps: how many there are.
        height: of the figure, as a fraction of its width.
        rate: steps per second.
    """

    name: str
    caption: str
    draw: Callable[[Figure], Callable[[int], None]]
    steps: int
    height: float = 0.62
    rate: float = 8.0

    def save(self, path: Path, dpi: float) -> None:
        """Write it as a GIF, as wide as a page."""
        width = WIDTHS["page"]
        with mpl.rc_context({"font.size": 9}):
            figure = Figure((width, width * self.height), dpi=dpi, layout="constrained")
            show = self.draw(figure)
            canvas = FigureCanvasAgg(figure)
            canvas.draw()
            # What is around the pictures stays where it is.
            figure.set_layout_engine("none")
            pictures = []
            for step in range(self.steps):
                show(step)
                canvas.draw()
                pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).quantize(64))
        first, *rest = pictures
        first.save(path, save_all=True, append_images=rest, duration=round(1000 / self.rate), loop=0)


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes:
        claims: what it decides.
        tables: its numbers.
        pictures: its figures.
        films: its figures that move.
        seconds: processor time that it took.
        size: of the run, "small", "usual" or "full", and the arguments that were changed.
    """

    claims: Sequence[Claim]
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    films: Sequence[Film] = ()
    seconds: float = 0.0
    size: str = "usual"

    @property
    def ok(self) -> bool:
        """Whether every claim holds."""
        return all(claim.holds for claim in self.claims)

    def write(self, folder: Path, dpi: float = 150) -> None:
        """Write the numbers as JSON, each figure at each width, and each film, with so many pixels in an inch."""
        folder.mkdir(parents=True, exist_ok=True)
        facts = {
            "ok": self.ok,
            "size": self.size,
            "seconds": round(self.seconds, 1),
            "claims": [asdict(claim) for claim in self.claims],
            "tables": [
                {"title": t.title, "columns": t.columns, "rows": [[shown(cell) for cell in row] for row in t.rows]}
                for t in self.tables
            ],
            "pictures": [{"name": picture.name, "caption": picture.caption} for picture in self.pictures],
            "films": [{"name": film.name, "caption": film.caption} for film in self.films],
        }
        for picture in self.pictures:
            for size, width in WIDTHS.items():
                picture.save(folder / f"{picture.name}-{size}.png", width, dpi)
        for film in self.films:
            film.save(folder / f"{film.name}.gif", dpi)
        (folder / "result.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Experiment:
    """A module with a question."""

    name: str
    module: ModuleType = field(repr=False)

    @property
    def question(self) -> str:
        """The question: the first line of the docstring."""
        return (self.module.__doc__ or "").split("\n")[0]

    @property
    def method(self) -> str:
        """The rest of the docstring."""
        return (self.module.__doc__ or "").partition("\n")[2].strip()

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of the systems that it answers."""
        return self.module.ROWS

    @cached_property
    def sizes(self) -> Mapping[str, Mapping[str, Any]]:
        """The arguments of a run of each size."""
        return {"small": self.module.SMALL, "usual": {}, "full": getattr(self.module, "FULL", {})}

    def run(self, size: str = "usual", **changed: Any) -> Result:
        """Run it, with some arguments changed if they are given, and take its processor time.

        Products are not shortened, as accelerators do by default: claims have the tolerance of their dtype.
        """
        begun = time.process_time()
        with jax.default_matmul_precision("highest"):
            result: Result = self.module.run(**{**self.sizes[size], **changed})
        label = ", ".join([size] * (size != "usual" or not changed) + [f"{n}={value}" for n, value in changed.items()])
        return replace(result, seconds=time.process_time() - begun, size=label)


def find(words: Sequence[str] = ()) -> list[Experiment]:
    """Find all experiments, or those that are named, or whose folder is, in the order of their first row.

    Those without a row are last.

    Raises:
        ValueError: for a word that names none.
    """
    every = sorted(_discovered(), key=lambda experiment: (not experiment.rows, experiment.rows[:1], experiment.name))
    if unknown := [word for word in words if not any(_named(experiment, word) for experiment in every)]:
        raise ValueError(f"there is no experiment {unknown[0]!r}: use one of {', '.join(e.name for e in every)}")
    return [e for e in every if not words or any(_named(e, word) for word in words)]


def _named(experiment: Experiment, word: str) -> bool:
    return word.rstrip("/") in (experiment.name, experiment.name.partition("/")[0])


def _discovered() -> Iterator[Experiment]:
    for package in pkgutil.iter_modules(experiments.__path__):
        if package.ispkg:
            folder = import_module(f"experiments.{package.name}")
            for module in pkgutil.iter_modules(folder.__path__):
                found = import_module(f"experiments.{package.name}.{module.name}")
                yield Experiment(f"{package.name}/{module.name}", found)


def recorded(folder: Path) -> dict[str, Any] | None:
    """What the last run wrote into its folder, if there was one."""
    path = folder / "result.json"
    return json.loads(path.read_text()) if path.exists() else None


def verdict(folder: Path) -> str:
    """What the last run found, in a word, and how large it was if it was not of the usual size."""
    facts = recorded(folder)
    if facts is None:
        return "not run"
    word = "holds" if facts["ok"] else "fails"
    return word if facts["size"] == "usual" else f"{word} ({facts['size']})"


def claims_table(result: Result, title: str) -> RichTable:
    """The claims of a result for a terminal."""
    grid = RichTable("claim", "found", "expected", "source", "", title=title, title_justify="left")
    for claim in result.claims:
        cells = map(escape, (claim.what, claim.found, claim.expected, claim.source))
        grid.add_row(*cells, "✓" if claim.holds else "✗ fails")
    return grid


def numbers_table(table: Table) -> RichTable:
    """A table of numbers for a terminal."""
    grid = RichTable(*table.columns, title=table.title, title_justify="left")
    for row in table.rows:
        grid.add_row(*(escape(shown(cell)) for cell in row))
    return grid


def shown(value: Any) -> str:
    """A number as people read it, an array in a line.

    >>> shown(1234567), shown(0.1234567), shown([1, 2.5])
    ('1,234,567', '0.1235', '[1, 2.5]')
    """
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    if np.ndim(value):
        entries = [shown(entry) for entry in value]
        return "[" + ", ".join(entries if len(entries) <= _LISTED else [*entries[:_LISTED], "…"]) + "]"
    number = np.asarray(value)
    if number.dtype.kind in "iu":
        return f"{int(number):,}"
    return f"{number.item():.4g}" if number.dtype.kind in "fc" else str(value)


_LISTED = 12  # entries of an array that a line of a table holds
