"""The sizes that a transposed convolution returns to, and lax's transposed convolution."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import conv, conv_transpose

equal = np.testing.assert_array_equal


def ones(*shape: int) -> Any:
    return jnp.ones(shape)


def size_of(function: Any, x: Any, w: Any, **options: Any) -> tuple[int, ...]:
    return jax.eval_shape(lambda x, w: function(x, w, **options), x, w).shape


@pytest.mark.parametrize(
    ("k", "s", "d", "low", "high"), [(3, 2, 1, 0, 0), (3, 2, 1, 1, 1), (2, 3, 2, 1, 0), (4, 1, 1, 0, 2)]
)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_size_is_the_formula_of_the_design(k, s, d, low, high, n):
    size = s * (n - 1) + d * (k - 1) + 1 - low - high
    options = {"stride": s, "dilation": d, "padding": ((low, high),)}
    if size < 0:
        with pytest.raises(ValueError, match=r"`output_size`|no input"):
            size_of(conv_transpose, ones(n, 1), ones(k, 1, 1), **options)
        return
    for extra in range(s):
        x = size_of(conv_transpose, ones(n, 1), ones(k, 1, 1), output_padding=extra, **options)
        assert x == (size + extra, 1)
        assert size_of(conv, ones(*x), ones(k, 1, 1), **options) == (n, 1)


def test_same_returns_stride_times_size():
    for padding in ("SAME", "SAME_LOWER"):
        assert size_of(conv_transpose, ones(4, 1), ones(3, 1, 1), stride=3, padding=padding) == (12, 1)


def test_same_returns_to_every_size_that_it_came_from():
    for size in (10, 11, 12):
        y = size_of(conv, ones(size, 1), ones(3, 1, 1), stride=3, padding="SAME")
        assert y == (4, 1)
        x = size_of(conv_transpose, ones(*y), ones(3, 1, 1), stride=3, padding="SAME", output_size=(size,))
        assert x == (size, 1)


@pytest.mark.parametrize("size", [9, 13])
def test_same_refuses_a_size_that_it_cannot_come_from(size):
    message = rf"`output_size`={size} is not an input with 4 outputs: inputs of size 10 to 12 have 4 outputs here"
    with pytest.raises(ValueError, match=message):
        conv_transpose(ones(4, 1), ones(3, 1, 1), stride=3, padding="SAME", output_size=(size,))


def test_same_takes_no_output_padding():
    with pytest.raises(
        ValueError, match=r"`output_padding`=1 has no meaning with SAME: give `output_size`; .* 10 to 12"
    ):
        conv_transpose(ones(4, 1), ones(3, 1, 1), stride=3, padding="SAME", output_padding=1)


def test_output_size_and_output_padding_may_agree():
    x = conv_transpose(ones(3, 1), ones(3, 1, 1), stride=2, padding=1, output_size=(6,), output_padding=1)
    assert x.shape == (6, 1)


def test_output_size_and_output_padding_may_not_disagree():
    with pytest.raises(ValueError, match="`output_size`=5 and `output_padding`=1 disagree: that gives 6"):
        conv_transpose(ones(3, 1), ones(3, 1, 1), stride=2, padding=1, output_size=(5,), output_padding=1)


def test_an_impossible_size_lists_the_possible_ones():
    with pytest.raises(ValueError, match="`output_size`=7 is not an input with 3 outputs: inputs of size 5 to 6"):
        conv_transpose(ones(3, 1), ones(3, 1, 1), stride=2, padding=1, output_size=(7,))


@pytest.mark.parametrize("extra", [-1, 2])
def test_output_padding_is_less_than_the_stride(extra):
    with pytest.raises(ValueError, match=f"`output_padding`={extra} must be from 0 to 1, less than the stride"):
        conv_transpose(ones(3, 1), ones(3, 1, 1), stride=2, output_padding=extra)


def test_an_empty_y_needs_an_output_size():
    with pytest.raises(ValueError, match="`output_size` is needed where y is empty"):
        conv_transpose(ones(0, 2), ones(3, 1, 2))
    x = conv_transpose(ones(0, 2), ones(3, 1, 2), output_size=(2,))
    equal(x, np.zeros((2, 1)))


def test_an_empty_batch_needs_nothing():
    assert conv_transpose(ones(0, 3, 2), ones(3, 1, 2), stride=2).shape == (0, 7, 1)


def test_sizes_may_differ_from_axis_to_axis():
    y, w = ones(3, 2, 1), ones(3, 3, 1, 1)
    assert conv_transpose(y, w, stride=(2, 3), output_padding=(1, 2)).shape == (8, 8, 1)
    assert conv_transpose(y, w, stride=(2, 3), output_size=(7, 8)).shape == (7, 8, 1)


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER"])
def test_a_stretched_same_without_an_input_of_that_size_is_refused(padding):
    with pytest.raises(ValueError, match="no input has 2 outputs here"):
        conv_transpose(ones(2, 1), ones(3, 1, 1), stretch=2, padding=padding)


@pytest.mark.parametrize("name", ["output_size", "output_padding"])
def test_one_size_per_axis(name):
    one_too_many: dict[str, Any] = {name: (1, 1)}
    with pytest.raises(
        ValueError, match=rf"`{name}`=\(1, 1\) has 2 entries and the kernel 1 spatial axes: give one per axis"
    ):
        conv_transpose(ones(3, 1), ones(3, 1, 1), **one_too_many)


def test_the_same_y_from_two_sizes_goes_back_to_both():
    """Dumoulin & Visin, relationship 14: inputs of 5 and 6 both have 3 outputs."""
    w = jnp.arange(1.0, 4.0).reshape(3, 1, 1)
    for size in (5, 6):
        y = jnp.arange(1.0, 4.0).reshape(3, 1)
        x = jnp.arange(1.0, size + 1.0).reshape(size, 1)
        back = conv_transpose(y, w, stride=2, padding=1, output_size=(size,))
        assert jnp.vdot(back, x) == jnp.vdot(y, conv(x, w, stride=2, padding=1))


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("kernel", "stride"), [((3, 3), (2, 2)), ((4, 2), (2, 1)), ((3, 2), (3, 2))])
def test_laxs_transposed_convolution_with_a_transposed_kernel(kernel, stride, padding):
    rng = np.random.default_rng(0)
    y, w = (rng.integers(-4, 5, shape).astype(np.float32) for shape in ((2, 3, 4, 2), (*kernel, 3, 2)))
    theirs = jax.lax.conv_transpose(jnp.asarray(y), jnp.asarray(w), stride, padding, transpose_kernel=True)
    equal(conv_transpose(y, w, stride=stride, padding=padding), theirs)
