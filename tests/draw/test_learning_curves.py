"""The curves are the records."""

import numpy as np

from minicnn import draw
from minicnn.train import Record


def test_a_run_is_drawn():
    records = [Record(n, 10 * n, 1 / n, 0.9, 0.8, 1.0 * n) for n in (1, 2, 3)]
    loss, error = draw.training(records)
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), [1, 1 / 2, 1 / 3])
    assert len(error.lines) == 2
