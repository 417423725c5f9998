"""Pictures are drawn, and reduction keeps every non-zero visible."""

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from minicnn import conv_map, draw
from minicnn.draw.matrices import reduced
from minicnn.train import Record

mpl.use("agg")


def test_a_map_is_drawn_beside_its_transpose():
    left, right = draw.pair(conv_map(jnp.ones((3, 3, 1, 1)), (4, 4)))
    assert left.get_title().startswith("C: forward, 4×16")
    assert right.get_title().startswith("Cᵀ: backward, 16×4")
    plt.close("all")


def test_reduction_keeps_a_single_non_zero():
    entries = np.zeros((1000, 2000))
    entries[777, 1234] = -3
    assert reduced(entries).min() == -3
    assert max(reduced(entries).shape) <= 400


def test_a_run_is_drawn():
    records = [Record(n, 10 * n, 1 / n, 0.9, 0.8, 1.0 * n) for n in (1, 2, 3)]
    loss, error = draw.training(records)
    assert len(loss.lines) == 1
    assert len(error.lines) == 2
    plt.close("all")
