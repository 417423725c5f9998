"""A worked example's numbers are the library's."""

import numpy as np
import pytest

from tests.draw.examples import EXAMPLES


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    return EXAMPLES[request.param]()


def test_every_number_is_that_of_the_matrix(example):
    np.testing.assert_array_equal(example.C @ np.ravel(example.x), example.y.ravel())
    y_bar = np.ravel(example.y_bar)
    for n, x_bar in enumerate(example.x_bars):
        np.testing.assert_array_equal(x_bar.ravel(), example.C[:n].T @ y_bar[:n])
    assert len(example.x_bars) == len(example.C) + 1


def test_every_entry_belongs_to_its_tap(example):
    table = example.table.dense
    there = table >= 0
    np.testing.assert_array_equal(there, example.C != 0)
    if example.w is not None:
        w = np.ravel(example.w)
        np.testing.assert_array_equal(example.C[there], [w[[*example.table.sums[met]]].sum() for met in table[there]])
        places = {"w" + "".join(map(str, place)): value for place, value in np.ndenumerate(np.asarray(example.w))}
        low = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
        single = example.w.shape[-2:] == (1, 1)
        for name, value in zip(example.names, example.C[example.table.rows, example.table.columns], strict=True):
            taps = name.translate(low).split("+")
            assert sum(places[tap + "00" * single] for tap in taps) == value


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind not in ("average", "max")])
def test_the_unread_pixels_are_the_zero_columns(kind):
    example = EXAMPLES[kind]()
    read = example.C.any(0).reshape(example.A.in_shape).any(-1)
    assert example.unread.tolist() == np.argwhere(~read).tolist()
    assert example.unread.tolist() == {"circular, with pixels unread": [[1], [3]]}.get(kind, example.unread.tolist())
