"""What the pictures refuse: a sentence names the value and what was probably meant, before anything is computed."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib import pyplot as plt

from minicnn import Axis, autodiff, conv_map, draw, nn, ops
from minicnn.maps import ConvMap, Dense, Diagonal


class Epoch(NamedTuple):
    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float


W = jnp.ones((3, 3, 1, 1))
C = conv_map(W, (4, 4))
EMPTY = Dense(jnp.ones((0, 4)), (4,), (0,), jnp.dtype("float32"))
P = autodiff.make_program(ops.tanh, jnp.ones(3))
RUN = type("Run", (), {"records": lambda self: []})()
LAYERS = nn.Sequential((nn.Flatten(), nn.Dense(3)))
RECORDS = [Epoch(1, 2.0, 0.1, 0.2), Epoch(2, float("nan"), 0.5, 0.4)]
COUNTS = np.eye(3, dtype=int)

WRONG = {
    "a kernel for a map": (draw.matrix, (W,), "a kernel becomes a map with minicnn.conv_map"),
    "a kernel for a convolution": (draw.taps, (W,), r"`A` is an array of shape \(3, 3, 1, 1\)"),
    "a layer for a map": (draw.pair, (nn.Flatten(),), r"`A` is a Flatten, .* layer.map\(params, in_shape\)"),
    "a program for a map": (draw.spectrum, (P,), r"minicnn.draw.program\(P\)"),
    "a sparse matrix for a map": (draw.matrix, (C.to_scipy(),), r"give the map itself, or value.toarray\(\)"),
    "nothing for a map": (draw.matrix, (None,), "`A` is None, which is not a linear map"),
    "a function for a map": (draw.spectrum, (np.sin,), "give a minicnn.maps.LinearMap"),
    "a map without windows": (draw.taps, (Dense(jnp.eye(2), (2,), (2,), W.dtype),), "slides no window and has no taps"),
    "a matrix without entries": (draw.matrix, (EMPTY,), "the matrix is 0×4 and has no entries"),
    "a matrix without entries and its transpose": (draw.pair, (EMPTY,), "0×4 and has no entries"),
    "singular values of nothing": (draw.spectrum, (EMPTY,), "0×4 and has no entries"),
    "singular values of NaN": (draw.spectrum, (C.matrix().at[0, 0].set(jnp.nan),), "4×16 matrix holds NaN or Inf"),
    "a kernel for an axis": (draw.decomposition, (W,), "`tile` must be a minicnn.Axis, not"),
    "two axes for four": (draw.decomposition, (Axis(4, 2, 3), [1, 2]), "`axes` must be four of matplotlib's Axes"),
    "a padded axis for a tile": (draw.decomposition, (Axis.of(4, 3, padding=1),), "reads beyond its input"),
    "a title for axes": (draw.matrix, (C, "C"), "`axes` must be one of matplotlib's Axes, .* not 'C'"),
    "several axes for one": (draw.taps, (C, np.array([1, 2])), r"several axes: give one of them, such as axes\[0\]"),
    "one for two axes": (draw.pair, (C, 3), "`axes` must be two of matplotlib's Axes"),
    "a function for a program": (draw.program, (ops.tanh,), "`P` must be a program, such as .*make_program"),
    "parameters for a network": (draw.receptive_field, (W,), "`model` is an array of shape .*: give layers"),
    "a network without windows": (draw.receptive_field, (LAYERS,), "no layer of `model` slides a window"),
    "a map without positions": (draw.receptive_field, (Dense(jnp.eye(12), (2, 2, 3), (12,), W.dtype),), "is a Dense"),
    "a signal's network": (draw.receptive_field, (LAYERS, (32, 1)), r"`in_shape`=\(32, 1\) must be \(height, width"),
    "an int for a shape": (draw.receptive_field, (LAYERS, 32), "`in_shape`=32 must be a tuple"),
    "parameters without kernels": (draw.filters, ({"w": np.ones((3, 4))},), "holds no kernels with 2 spatial axes"),
    "a layer for its parameters": (draw.filters, (nn.Flatten(),), "`params` must be arrays, .* not a Flatten"),
    "three axes": (lambda w: draw.filters(w, ndim=3), (W,), "`ndim`=3 must be 1 or 2"),
    "a run for its records": (draw.training, (RUN,), r"`records` is a Run: give its records, run.records\(\)"),
    "no records": (draw.training, ([],), "`records` is empty"),
    "lines for records": (draw.training, ([{"epoch": 1}],), "holds a dict without epoch, loss, .*Record"),
    "a number for records": (draw.training, (3,), "one record for each epoch, not 3"),
    "a run for counts": (draw.confusion, (RUN,), r"not a Run: .*Trained.of\(run\).counts"),
    "ragged counts": (draw.confusion, ([[1], [1, 2]],), "`counts` must be numbers, one row for each"),
    "counts that are not square": (draw.confusion, (np.ones((2, 3), int),), r"`counts` has shape \(2, 3\)"),
    "no counts": (draw.confusion, (np.ones((0, 0), int),), r"shape \(0, 0\): it must be square"),
    "shares for counts": (draw.confusion, (np.eye(3) / 2,), "give counts, not shares"),
    "NaN for counts": (draw.confusion, (np.full((2, 2), np.nan),), "must be whole numbers"),
    "negative counts": (draw.confusion, (-COUNTS,), "must be whole numbers, at least 0"),
    "too few names": (draw.confusion, (COUNTS, None, ["a"]), "`classes` has 1 names and `counts` 3 classes"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_was_probably_meant_is_said(what):
    function, args, said = WRONG[what]
    with pytest.raises((TypeError, ValueError), match=said):
        function(*args)
    assert plt.get_fignums() == []  # an error leaves no empty figure behind


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"`image` has shape \(28, 28\) and the input is 32×32"):
        draw.receptive_field(nn.Sequential((nn.Conv(1, (3, 3)),)), image=np.zeros((28, 28)))


@pytest.mark.parametrize("function", [draw.matrix, draw.taps])
def test_a_traced_map_has_no_numbers_to_draw(function):
    with pytest.raises(TypeError, match=r"traced and has no numbers yet: draw it outside of jax.jit"):
        jax.jit(lambda w: function(conv_map(w, (4, 4))))(W)


def refuse(*args, **kwargs):
    raise AssertionError("something was computed")


@pytest.mark.parametrize("function", [draw.matrix, draw.pair, draw.taps, draw.spectrum])
def test_a_matrix_that_is_too_large_says_its_size_before_an_entry_is_computed(function, monkeypatch):
    A = conv_map(jnp.ones((7, 7, 3, 64)), (224, 224), stride=2, padding=3)
    monkeypatch.setattr(ConvMap, "sparse", refuse)
    monkeypatch.setattr(ConvMap, "dense", refuse)
    with pytest.raises((MemoryError, ValueError), match=r"the matrix is 802816×150528.*smaller input"):
        function(A)


def test_a_product_of_large_factors_is_not_multiplied_to_be_refused(monkeypatch):
    narrow, wide = (conv_map(jnp.ones((3, 3, 16, 16)), (size, size)) for size in (98, 100))
    monkeypatch.setattr(ConvMap, "sparse", refuse)
    with pytest.raises(MemoryError, match=r"147456×160000 and has 22,127,616 non-zeros to list.*at most 10,000,000"):
        draw.matrix(narrow @ wide)
    assert "<svg" not in (narrow @ wide)._repr_html_()


def test_too_many_kernels_classes_and_nodes_are_said():
    with pytest.raises(ValueError, match=r"16,588,800 weights; at most 16,000,000 are drawn: give some"):
        draw.filters(np.broadcast_to(np.float32(0), (3, 3, 1280, 1440)))
    with pytest.raises(ValueError, match=r"`counts` has 4,001 classes: at most 4,000"):
        draw.confusion(np.broadcast_to(0, (4001, 4001)))
    nodes = P.nodes * 200
    with pytest.raises(ValueError, match=r"the program has 400 nodes|the program has \d+ nodes: at most 500"):
        draw.program(autodiff.Program(P.arrows, nodes * 2, P.inputs, P.outputs, P.in_tree, P.out_tree))


def test_a_matrix_as_an_array_is_drawn_as_its_map_is():
    for given in (C.matrix(), np.asarray(C.matrix()), C.matrix().astype(jnp.bfloat16), C.matrix().astype(int)):
        left, right = draw.pair(given)
        np.testing.assert_array_equal(left.images[0].get_array(), C.matrix())
        np.testing.assert_array_equal(right.images[0].get_array(), C.matrix().T)
        draw.spectrum(given)
        assert left.get_title().endswith("\n36 non-zeros")
    np.testing.assert_array_equal(draw.matrix(C.matrix() != 0).images[0].get_array(), C.matrix() != 0)


def test_axes_may_be_an_array_or_a_column_of_two():
    for shape in ((1, 2), (2, 1)):
        _, given = plt.subplots(*shape)
        assert list(draw.pair(C, given)) == list(np.ravel(given))


def test_what_is_not_finite_is_drawn():
    loss, _ = draw.training(RECORDS)
    assert np.isnan(loss.lines[0].get_ydata()[1])
    image = draw.matrix(C.matrix().at[0, 0].set(jnp.nan).at[1, 1].set(jnp.inf)).images[0]
    assert image.get_clim() == (-1, 1)
    assert draw.matrix(Diagonal(jnp.array([jnp.nan, 1.0]), (2,), W.dtype)).texts[0].get_text() == "nan"
    title = draw.filters(W.at[0, 0].set(jnp.nan)).get_title()
    assert title == "1 kernels of 3×3, 1 weights not finite"
