"""The page to print: one sheet on which nothing lies over another or beyond the paper, and whose sizes are right."""

import importlib.util
from itertools import combinations
from pathlib import Path
from types import ModuleType

import jax
import jax.numpy as jnp
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cheat_sheet", Path(__file__).parents[1] / "docs" / "cheat_sheet.py")
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_it_is_one_page_and_the_same_each_time(module: ModuleType, tmp_path: Path) -> None:
    first, again = (module.write(tmp_path / name).read_bytes() for name in ("first", "again"))
    assert first.startswith(b"%PDF") and first.count(b"/Type /Page ") == 1
    assert first == again


def test_nothing_lies_over_another_or_beyond_the_paper(module: ModuleType) -> None:
    figure = module.sheet()
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    assert len(boxes) > 80
    assert not [words for words, box in boxes if box.x1 > 0.95 * figure.bbox.x1 or box.y0 < 0]
    assert not [(one, two) for (one, a), (two, b) in combinations(boxes, 2) if a.shrunk(0.98, 0.6).overlaps(b)]


@pytest.mark.parametrize(("word", "taps", "stride"), [("SAME", 4, 1), ("SAME", 3, 2), ("SAME_LOWER", 4, 2)])
def test_the_words_are_those_of_lax(module: ModuleType, word: str, taps: int, stride: int) -> None:
    low, high = jax.lax.padtype_to_pads((8,), (taps,), (stride,), word)[0]
    out = jax.lax.conv(jnp.ones((1, 1, 8)), jnp.ones((1, 1, taps)), (stride,), word).shape[-1]
    assert module._padded(word, taps, stride) == f"({low}, {high}) → {out}"
