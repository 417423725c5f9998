"""Padding modes and channel masks: C(w) @ Pad, its transpose and its patches, against numpy.pad."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minicnn
from minicnn.functional.padding import pad_map
from tests import oracles
from tests.strategies import Case, cases, seeds

NUMPY = {"zeros": "constant", "circular": "wrap", "reflect": "reflect", "replicate": "edge", "symmetric": "symmetric"}


def numpy_pad(x: np.ndarray, widths: Any, mode: str) -> np.ndarray:
    """Pad or crop the spatial axes of (b, *in, c)."""
    for axis, (low, high) in enumerate(widths, start=1):
        x = x.take(range(max(-low, 0), x.shape[axis] - max(-high, 0)), axis)
        sides = [(0, 0)] * x.ndim
        sides[axis] = (max(low, 0), max(high, 0))
        x = np.pad(x, sides, mode=NUMPY[mode]) if max(low, high) > 0 else x  # type: ignore[call-overload]
    return x


def reaches(case: Case, mode: str) -> bool:
    limit = {"zeros": 99, "circular": 0, "reflect": -1, "replicate": 99, "symmetric": 99}[mode]
    crops = (max(-low, 0) + max(-high, 0) < n for (low, high), n in zip(case.pads, case.in_size, strict=True))
    near = (max(pair) <= max(n + limit, 0) for pair, n in zip(case.pads, case.in_size, strict=True))
    mixed = any(min(pair) < 0 < max(pair) for pair in case.pads)  # numpy crops first, the relation pads first
    return all(crops) and all(near) and not mixed


def pad_matrix(case: Case, mode: str) -> np.ndarray:
    """The padding of one image, column by column."""
    in_shape = (*case.in_size, case.groups * case.channels[0])
    images = np.eye(int(np.prod(in_shape)), dtype=np.float32).reshape(-1, *in_shape)
    return numpy_pad(images, case.pads, mode).reshape(len(images), -1).T


@st.composite
def padded(draw: Any) -> tuple[Case, str]:
    case, mode = draw(cases(ranks=(1, 2), stretched=False)), draw(st.sampled_from(list(NUMPY)))
    assume(reaches(case, mode))
    return case, mode


def check(case: Case, mode: str, seed: int) -> None:
    """conv, its matrix, its transpose and its patches, with a mask, are what NumPy says."""
    x, w, y = case.data(seed)
    mask = np.random.default_rng(seed + 1).integers(0, 2, w.shape[-2:])
    options = case.options | {"mask": mask, "padding_mode": mode}

    @jax.jit
    def ours(x: Any, w: Any, y: Any) -> Any:
        z, pull = jax.vjp(lambda x, w: minicnn.conv(x, w, **options), x, w)
        X = minicnn.patch_map(x, w.shape, **options)
        back = minicnn.conv_transpose(y, w, output_size=case.in_size, **options)
        return z, pull(y), back, minicnn.conv_matrix(w, case.in_size, **options), X(w), X.T(y)

    inner = replace(
        case, in_size=numpy_pad(np.zeros((1, *case.in_size, 1)), case.pads, mode).shape[1:-1], padding=0, batch=(1,)
    )
    C = inner.matrix(w * mask) @ pad_matrix(case, mode)
    X = inner.patches(numpy_pad(x.reshape(-1, *x.shape[len(case.batch) :]), case.pads, mode)) if x.size else None
    z, (x_bar, w_bar), back, matrix, product, weights = map(jax.device_get, ours(x, w, y))
    np.testing.assert_array_equal(matrix, C)
    np.testing.assert_array_equal(z, case.times(C, x, case.y_shape))
    np.testing.assert_array_equal(back, case.times(C.T, y, case.x_shape))
    np.testing.assert_array_equal(x_bar, back)
    np.testing.assert_array_equal(product, z)
    np.testing.assert_array_equal(w_bar, 0 if X is None else mask * (X.T @ y.ravel()).reshape(w.shape))
    np.testing.assert_array_equal(weights, w_bar)
    A = minicnn.conv_map(jnp.asarray(w), case.in_size, **options)
    np.testing.assert_array_equal(A.to_scipy().toarray(), C)
    ones = minicnn.conv_map(jnp.ones_like(w), case.in_size, **options)
    assert A.nnz == np.count_nonzero(ones.matrix())


@given(padded(), seeds)
def test_padded_masked_convolution_is_C_times_Pad(drawn: tuple[Case, str], seed: int) -> None:
    check(*drawn, seed)


@pytest.mark.long
@given(padded(), seeds)
def test_padded_masked_convolution_is_C_times_Pad_everywhere(drawn: tuple[Case, str], seed: int) -> None:
    check(*drawn, seed)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("mode", NUMPY)
def test_padding_modes_with_stride_groups_and_words(mode: str) -> None:
    case = Case((6, 5), (3, 2), stride=(2, 1), padding=("SAME", (2, 1)), dilation=(1, 2), groups=2, channels=(3, 2))
    check(case, mode, seed=0)


@pytest.mark.parametrize("mode", NUMPY)
def test_pad_is_numpy_pad_and_its_transpose_adds(mode: str) -> None:
    x = np.arange(1.0, 25.0, dtype=np.float32).reshape(1, 3, 4, 2)
    widths = ((2, 1), (0, 2))
    y, pull = jax.vjp(lambda x: minicnn.pad(x, widths, mode), jnp.asarray(x))
    P = pad_map(x.shape[1:], widths, mode)
    np.testing.assert_array_equal(y, numpy_pad(x, widths, mode))
    np.testing.assert_array_equal(P.matrix() @ x.ravel(), y.ravel())
    np.testing.assert_array_equal(P.to_scipy().toarray(), P.matrix())
    np.testing.assert_array_equal(pull(y)[0].ravel(), P.matrix().T @ y.ravel())
    np.testing.assert_array_equal(P.T.matrix(), P.matrix().T)


def test_cropping_is_negative_padding() -> None:
    x = jnp.arange(5.0).reshape(5, 1)
    np.testing.assert_array_equal(minicnn.pad(x, ((-1, -2),), "reflect").ravel(), [1, 2])


def test_lenet_c3_table_counts_its_connections() -> None:
    table = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
    mask = np.array([[str(c) in maps for maps in table.split(" ")] for c in range(6)])
    C3 = minicnn.conv_map(jnp.ones((5, 5, 6, 16)), (14, 14), mask=mask)
    assert (C3.shape, C3.nnz, C3.T.nnz) == ((1600, 1176), 150_000, 150_000)


def test_masked_taps_do_not_matter_even_if_they_are_nan() -> None:
    w = jnp.ones((2, 1, 2)).at[:, 0, 1].set(jnp.nan)
    y = minicnn.conv(jnp.ones((3, 1)), w, mask=[[1, 0]])
    np.testing.assert_array_equal(y, [[2, 0], [2, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"padding_mode": "mirror"}, "`padding_mode`='mirror' is not a way of padding: use one of zeros, circular"),
        ({"padding_mode": "reflect", "padding": 4}, "reflect padding reaches at most 3"),
        ({"padding_mode": "reflect", "stretch": 2}, "has no meaning for a stretched input"),
        ({"mask": np.ones((2, 1))}, r"`mask` has shape \(2, 1\)"),
        ({"mask": [[2]]}, "`mask` must hold zeros and ones"),
    ],
)
def test_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minicnn.conv(jnp.ones((4, 1)), jnp.ones((2, 1, 1)), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), "zeros"), "`widths`"),
        (((((1, 1),) * 2), "zeros"), "at least 3 axes"),
        ((((1,),), "zeros"), "one pair"),
        ((((1, 1),), "mirror"), "`mode`='mirror'"),
        ((((-3, -2),), "zeros"), "crops more than there is"),
    ],
)
def test_pad_refuses(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        minicnn.pad(jnp.ones((4, 1)), *arguments)


def test_oracles_agree_on_zero_padding() -> None:
    case = Case((4, 3), (2, 2), padding=((1, 0), (2, 1)))
    w = case.data(0)[1]
    padded_case = replace(case, in_size=(5, 6), padding=0)
    np.testing.assert_array_equal(case.matrix(w), padded_case.matrix(w) @ pad_matrix(case, "zeros"))
    assert oracles.widths(1, 4, 3, 1, 1, 1) == (1, 1)
