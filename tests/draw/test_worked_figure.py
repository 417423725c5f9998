"""The figure shows the numbers of its example: windows, rows, and the gradient as it accumulates."""

import numpy as np
import pytest

from minicnn.draw.arrays import shown
from minicnn.draw.style import background
from minicnn.draw.worked_example import worked_conv
from minicnn.draw.worked_figure import WorkedFigure
from tests.draw.examples import EXAMPLES


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    return EXAMPLES[request.param]()


def test_padding_that_copies_is_seen_with_the_values_it_copies():
    figure = WorkedFigure(worked_conv((3, 4), (3, 3), padding=1, padding_mode="circular"))
    padded = np.pad(np.asarray(figure.example.x)[..., 0], 1, mode="wrap")
    for (_, place), cell in figure.x.position.items():
        text = figure.x.texts[cell]
        assert text is not None
        assert text.get_text() == shown(float(padded[place[0] + 1, place[1] + 1]))
    assert len(figure.x.own) == len([text for text in figure.x_bar.texts if text]) == 12


def test_the_window_covers_the_row(example):
    figure = WorkedFigure(example)
    for n in range(len(example.C)):
        touched = {}
        for channel, place, tap in example.window(n):
            index = figure.x.cells[figure.x.position[channel, place]]
            if index is not None:
                touched.setdefault(int(np.ravel_multi_index(index, example.A.in_shape)), []).append(tap)
        row = {int(i): [*example.table.sums[example.table.dense[n, i]]] for i in np.flatnonzero(example.C[n])}
        if example.name == "P(x)":
            assert row.items() <= touched.items()
        else:
            assert row == {i: sorted(taps) for i, taps in touched.items()}


def test_the_figure_shows_each_output(example):
    with background(dark=True):
        figure = WorkedFigure(example)
    for n in (0, len(example.C) - 1, None):
        figure.show(n)
        done = len(example.C) if n is None else n + 1
        written(figure.x_bar, example.x_bars[done])
        written(
            figure.y, np.where(np.arange(example.y.size) < done, example.y.ravel(), np.nan).reshape(example.y.shape)
        )
        colored = {
            int(np.ravel_multi_index(index, example.A.in_shape))
            for index, face in zip(figure.x_bar.cells, figure.x_bar.squares.get_facecolor(), strict=True)
            if index is not None and any(np.array_equal(face, color) for color in figure.colors)
        }
        assert colored == (set() if n is None else set(np.flatnonzero(example.C[n])))
        row, column = figure.frames_of_matrices
        assert row.frame.get_visible() == column.frame.get_visible() == (n is not None)
        if n is not None:
            columns = example.C.shape[1]
            assert row.frame.get_bbox().bounds == (0, n, columns, 1)
            assert column.frame.get_bbox().bounds == (n, 0, 1, columns)
            assert f"row {n} of {example.name}" in figure.caption.get_text()


def test_the_caption_names_the_position_and_writes_the_sum_out():
    example = worked_conv((3, 3), (2, 2), x=range(-1, 8))
    figure = WorkedFigure(example)
    figure.show(3)
    assert figure.caption.get_text().startswith("y(1, 1) = row 3 of C · x = 1·3 + 2·4 + 3·6 + 4·7 = 57\n")
    figure.show(0)
    assert figure.caption.get_text().startswith("y(0, 0) = row 0 of C · x = 1·(−1) + 2·0 + 3·2 + 4·3 = 17\n")


def test_the_caption_is_not_wider_than_the_figure():
    figure = WorkedFigure(worked_conv((6, 6), (5, 5), w=-np.linspace(0.1, 9.9, 25), channels=(1, 1)))
    figure.show(3)
    figure.canvas.draw()
    box = figure.caption.get_window_extent()
    assert 0 < box.x0 < box.x1 < figure.figure.bbox.width
    assert "…" in figure.caption.get_text()


def written(grid, values):
    texts = [(index, text) for index, text in zip(grid.cells, grid.texts, strict=True) if text is not None]
    assert {index: text.get_text() for index, text in texts} == {i: shown(float(v)) for i, v in np.ndenumerate(values)}


def test_more_than_two_axes_are_not_drawn():
    with pytest.raises(ValueError, match="3 spatial axes: at most 2"):
        WorkedFigure(worked_conv((2, 2, 2), (1, 1, 1)))
