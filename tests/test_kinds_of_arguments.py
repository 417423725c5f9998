"""Flags, numbers, arrays, dtypes and precisions: what is none is refused in one line that names the argument."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn as m
from minicnn import autodiff, compat, linalg, nn, zoo
from minicnn.arguments import flag, number, numeric
from minicnn.forms.arithmetic import checked_precision

x, w, y = jnp.ones((6, 6, 2)), jnp.ones((3, 3, 2, 3)), jnp.ones((6, 6, 3))
C = m.conv_map(jnp.ones((2, 1, 1)), (3,))
NCHW, OIHW, NHWC, HWIO = jnp.ones((1, 2, 6, 6)), jnp.ones((3, 2, 3, 3)), jnp.ones((1, 6, 6, 2)), jnp.ones((3, 3, 2, 3))
lax_conv = partial(compat.conv_general_dilated, window_strides=(1, 1), padding="SAME")
lax_transpose = partial(compat.conv_transpose, strides=(1, 1), padding="SAME")
labels = jnp.array([0, 1])

Calls = dict[str, Callable[[Any], Any]]
FLAGS: Calls = {
    "flip of conv": lambda v: m.conv(x, w, flip=v),
    "flip of conv_transpose": lambda v: m.conv_transpose(y, w, flip=v),
    "flip of conv_map": lambda v: m.conv_map(w, (6, 6), flip=v),
    "flip of patch_map": lambda v: m.patch_map(x, w.shape, flip=v),
    "flip of Conv": lambda v: nn.Conv(2, (3, 3), flip=v),
    "ceil_mode of max_pool": lambda v: m.max_pool(x, (2, 2), ceil_mode=v),
    "ceil_mode of lp_pool": lambda v: m.lp_pool(x, (2, 2), ceil_mode=v),
    "ceil_mode of avg_pool_map": lambda v: m.avg_pool_map(x.shape, (2, 2), ceil_mode=v),
    "return_indices of max_pool": lambda v: m.max_pool(x, (2, 2), return_indices=v),
    "count_include_pad of avg_pool": lambda v: m.avg_pool(x, (2, 2), count_include_pad=v),
    "count_include_pad of avg_pool_map": lambda v: m.avg_pool_map(x.shape, (2, 2), count_include_pad=v),
    "transpose_kernel of compat": lambda v: lax_transpose(NHWC, HWIO, transpose_kernel=v),
    "nearest of project": lambda v: linalg.project(C, 1.0, nearest=v),
    "original of LeNet5": lambda v: zoo.LeNet5(original=v),
}
NUMBERS: Calls = {
    "p of lp_pool": lambda v: m.lp_pool(x, (2, 2), p=v),
    "p of global_lp_pool": lambda v: m.global_lp_pool(x, p=v),
    "rubbish of competitive": lambda v: nn.losses.competitive(jnp.ones((2, 3)), labels, v),
    "rtol of bracket": lambda v: linalg.bracket(C, v),
    "rtol of lstsq": lambda v: linalg.lstsq(C, jnp.ones((2, 1)), rtol=v),
    "damp of lstsq": lambda v: linalg.lstsq(C, jnp.ones((2, 1)), damp=v),
    "tol of rank": lambda v: linalg.rank(C, tol=v),
    "tol of pinv": lambda v: linalg.pinv(C, tol=v),
    "tol of null_space": lambda v: linalg.null_space(C, tol=v),
    "bound of project": lambda v: linalg.project(C, v),
}
ARRAYS: Calls = {
    "x of conv": lambda v: m.conv(v, w),
    "w of conv": lambda v: m.conv(x, v),
    "y of conv_transpose": lambda v: m.conv_transpose(v, w),
    "w of conv_map": lambda v: m.conv_map(v, (6, 6)),
    "x of patch_map": lambda v: m.patch_map(v, w.shape),
    "x of max_pool": lambda v: m.max_pool(v, (2, 2)),
    "x of max_pool_map_at": lambda v: m.max_pool_map_at(v, (2, 2)),
    "x of lp_pool_map_at": lambda v: m.lp_pool_map_at(v, (2, 2)),
    "x of adaptive_max_pool_map_at": lambda v: m.adaptive_max_pool_map_at(v, (2, 2)),
    "x of global_avg_pool": m.global_avg_pool,
    "x of unfold": lambda v: m.unfold(v, (2, 2)),
    "p of fold": lambda v: m.fold(v, (6, 6), (2, 2)),
    "x of pad": lambda v: m.pad(v, ((1, 1), (1, 1))),
    "indices of max_unpool": lambda v: m.max_unpool(jnp.ones((1, 1)), v, (2,)),
    "y of max_unpool": lambda v: m.max_unpool(v, jnp.zeros((1, 1), int), (2,)),
    "y of add_bias": lambda v: m.add_bias(v, jnp.ones(2)),
    "b of add_bias": lambda v: m.add_bias(x, v),
    "lhs of compat": lambda v: lax_conv(v, OIHW),
    "rhs of compat": lambda v: lax_conv(NCHW, v),
    "logits of cross_entropy": lambda v: nn.losses.cross_entropy(v, labels),
    "labels of cross_entropy": lambda v: nn.losses.cross_entropy(jnp.ones((2, 3)), v),
    "target of squared_error": lambda v: nn.losses.squared_error(jnp.ones((2, 3)), v),
    "y of lstsq": lambda v: linalg.lstsq(C, v),
    "omega of symbol": lambda v: linalg.symbol(C, v),
}
DTYPES: Calls = {
    "preferred_element_type of conv": lambda v: m.conv(x, w, preferred_element_type=v),
    "preferred_element_type of compat": lambda v: lax_conv(NCHW, OIHW, preferred_element_type=v),
    "preferred_element_type of Conv": lambda v: nn.Conv(2, (3, 3), preferred_element_type=v),
    "dtype of avg_pool_map": lambda v: m.avg_pool_map(x.shape, (2, 2), dtype=v),
    "dtype of adaptive_avg_pool_map": lambda v: m.adaptive_avg_pool_map(x.shape, (2, 2), dtype=v),
    "dtype of pad_map": lambda v: m.pad_map(x.shape, ((1, 1), (1, 1)), dtype=v),
}
PRECISIONS: Calls = {
    "precision of conv": lambda v: m.conv(x, w, precision=v),
    "precision of conv_map": lambda v: m.conv_map(w, (6, 6), precision=v),
    "precision of compat": lambda v: lax_conv(NCHW, OIHW, precision=v),
    "precision of Conv": lambda v: nn.Conv(2, (3, 3), precision=v),
}
OTHERS: Calls = {
    "centres of Rbf": nn.Rbf,
    "f of grad": lambda v: autodiff.grad(v)(1.0),
    "f of vjp": lambda v: autodiff.vjp(v, 1.0),
    "f of jvp": lambda v: autodiff.jvp(v, (1.0,), (1.0,)),
    "f of hessian": lambda v: autodiff.hessian(v)(1.0),
    "f of make_program": lambda v: autodiff.make_program(v, 1.0),
    "w_init of Conv": lambda v: nn.Conv(2, (3, 3), w_init=v),
    "w_init of LocalConv": lambda v: nn.LocalConv(2, (3, 3), w_init=v),
    "w_init of Dense": lambda v: nn.Dense(2, w_init=v),
    "widths of pad": lambda v: m.pad(x, v),
    "widths of pad_map": lambda v: m.pad_map(x.shape, v),
    "A of norm": linalg.norm,
    "A of symbol": lambda v: linalg.symbol(v, jnp.zeros(1)),
    "ord of norm": lambda v: linalg.norm(C, v),
    "model of lipschitz": lambda v: linalg.lipschitz(v, {}, (3,)),
    "in_shape of lipschitz": lambda v: linalg.lipschitz(nn.Dense(2), {"w": jnp.ones((3, 2))}, v),
    "in_size of tiled_map": lambda v: m.tiled_map(jnp.ones((2, 3, 2, 3)), v),
    "output_size of max_unpool": lambda v: m.max_unpool(jnp.ones((1, 1)), jnp.zeros((1, 1), int), v),
}
OBJECT = object()
KINDS: list[tuple[Calls, tuple[Any, ...]]] = [
    (FLAGS, ("a", 1, 0.5, jnp.ones(2), OBJECT)),
    (NUMBERS, ("a", True, 1j, jnp.ones(2), float("nan"), OBJECT)),
    (ARRAYS, ("a", None, {}, OBJECT, 2**70)),
    (DTYPES, ("single", "str", [], {}, jnp.ones(2), OBJECT)),
    (PRECISIONS, ("a", 1.5, [], {}, jnp.ones(2), (1, 2, 3), OBJECT)),
    (OTHERS, ("a", b"x", 1.5, {}, OBJECT)),
]
CASES = {
    f"{name}, {type(value).__name__}": (name, call, value)
    for calls, values in KINDS
    for name, call in calls.items()
    for value in values
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_not_of_the_kind_is_refused_by_name_in_one_line(case: tuple[str, Callable[[Any], Any], Any]) -> None:
    name, call, value = case
    with pytest.raises((TypeError, ValueError), match=f"`{name.split()[0]}`") as caught:
        call(value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_what_is_of_the_kind_is_kept() -> None:
    assert flag("v", np.False_) is False
    assert number("v", 2**70) == 2.0**70
    for value in (0.5, np.float32(2), jnp.float32(2), np.uint8(3), float("inf")):
        assert number("v", value) is value
    for dtype in ("float32", jnp.bfloat16, int, bool, complex, np.dtype("uint8")):
        assert numeric("v", dtype) == jnp.dtype(dtype)
    preset = jax.lax.DotAlgorithmPreset.F32_F32_F32
    for precision in (None, "highest", "tensorfloat32", jax.lax.Precision.HIGH, ("high", "highest"), preset):
        assert checked_precision(precision) is precision
        conv = m.conv(x, w, precision=precision)
        np.testing.assert_array_equal(conv, np.full((4, 4, 3), 18))
    assert checked_precision(["high", "highest"]) == ("high", "highest")
