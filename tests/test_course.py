"""docs/course: the solutions of all exercises pass their checks, and what is wrong or missing does not."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

DOCS = Path(__file__).parents[1] / "docs"
SHEETS = sorted((DOCS / "course").glob("session_*.md"))
CELL = re.compile(r"^```\{code-cell\}\n(:tags: [^\n]*\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)


def cells(sheet: Path) -> list[tuple[bool, str]]:
    """Whether a cell is a solution, and its code."""
    return [(bool(tags), code) for tags, code in CELL.findall(sheet.read_text())]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_solutions_are_right_and_anything_else_is_not(sheet: Path) -> None:
    names: dict[str, Any] = {}
    for is_solution, code in cells(sheet):
        asked = re.search(r"^(check_\d)\((\w+)\)$", code, re.MULTILINE)
        exec(code, names)
        if asked:
            check, answer = names[asked[1]], names[asked[2]]
            assert check(answer) == "not answered yet"
        if is_solution:
            check, answer = (names[word] for word in re.findall(r"assert (check_\d)\((\w+)\)", code)[0])
            with pytest.raises(Exception, match=r"."):
                check((lambda *_: 0.5) if callable(answer) else 0.5)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_an_exercise_is_an_answer_a_check_and_a_folded_solution(sheet: Path) -> None:
    _, *exercises = re.split(r"^:::\{admonition\} Exercise \d$", sheet.read_text(), flags=re.MULTILINE)
    assert len(exercises) == 3
    for exercise in exercises:
        (_, answer), (_, check), (folded, solution) = [(bool(tags), code) for tags, code in CELL.findall(exercise)]
        assert answer.endswith(" = ...\n") and "@checker" in check and folded and '== "right"' in solution
    assert not [line for _, code in cells(sheet) for line in code.splitlines() if len(line) > 88]


def test_a_sheet_is_a_notebook_whose_lessons_lie_beside_it(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("notebooks", DOCS / "notebooks.py")
    assert spec and spec.loader
    notebooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(notebooks)
    written = {path.name for folder in notebooks.FOLDERS for path in notebooks.write(DOCS / folder, tmp_path)}
    assert {f"{sheet.stem}.ipynb" for sheet in SHEETS} <= written
    for sheet in SHEETS:
        linked = re.findall(r"\]\(([^)]*\.ipynb)", (tmp_path / f"{sheet.stem}.ipynb").read_text())
        assert linked and set(linked) <= written


def test_every_sheet_is_in_the_plan() -> None:
    plan = (DOCS / "course" / "index.md").read_text()
    assert len(SHEETS) == 6 and all(f"({sheet.name})" in plan for sheet in SHEETS)


def test_slides_are_wide_pages_with_nothing_beyond_them(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("slides", DOCS / "slides.py")
    assert spec and spec.loader
    slides = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slides)
    for title in slides.SLIDES:
        figure = slides.slide(title)
        renderer = FigureCanvasAgg(figure).get_renderer()
        assert tuple(figure.get_size_inches() * slides.DPI) == pytest.approx((1920, 1080))
        for text in (*figure.texts, *(part for axes in figure.axes for part in (*axes.texts, axes.title))):
            box = text.get_window_extent(renderer)
            assert "CT" not in text.get_text()  # what a keyword argument makes of Cᵀ
            assert not text.get_text() or (box.x0 >= 0 and box.x1 <= figure.bbox.x1), (title, text.get_text())
