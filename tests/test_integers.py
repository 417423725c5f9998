"""Every public integer: whatever is an integer counts as the same Python int, and what is not is refused by name."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn as m
from minicnn import autodiff, nn, ops
from minicnn.arguments import LARGEST, integer, per_axis, sizes
from minicnn.forms import Tiles

LINE, IMAGE = jnp.arange(8.0).reshape(8, 1), jnp.arange(36.0).reshape(6, 6, 1)
W, PAIRS = jnp.ones((3, 3, 1, 2)), jnp.ones((6, 6, 2))
NCHW, OIHW = jnp.ones((2, 2, 6, 6)), jnp.ones((2, 2, 3, 3))
INTEGERS = [np.int64(2), np.uint8(2), np.int8(2), jnp.int32(2), np.array(2)]
OTHERS = [2.0, True, "2", np.float32(2), [2.5], 1 + 0j, {}]


def options(function: Callable[..., Any], *names: str, **usual: Any) -> dict[str, Callable[[Any], Any]]:
    return {name: (lambda value, name=name: function(**(usual | {name: value}))) for name in names}


def windowed(function: Callable[..., Any]) -> dict[str, Callable[[Any], Any]]:
    return options(lambda **o: function(LINE, (3,), **o), "stride", "padding", "dilation")


def named(what: str, table: dict[str, Callable[[Any], Any]]) -> dict[str, Callable[[Any], Any]]:
    return {f"{what}: {name}": call for name, call in table.items()}


AS_CONV = ("stride", "padding", "dilation", "stretch")
LAX = {"window_strides": (1, 1), "padding": "VALID"}
CALLS: dict[str, Callable[[Any], Any]] = {
    **named("conv", options(lambda **o: m.conv(IMAGE, W, form="dense", **({"padding": 2} | o)), *AS_CONV)),
    "conv: groups": lambda v: m.conv(PAIRS, W, groups=v),
    "conv: stride of one axis": lambda v: m.conv(IMAGE, W, stride=[v, 1]),
    "conv: padding of one side": lambda v: m.conv(IMAGE, W, padding=((v, 1), (0, 1))),
    **named("conv_transpose", options(lambda **o: m.conv_transpose(PAIRS, W, **o), "stride", "padding", "dilation")),
    "conv_transpose: output_padding": lambda v: m.conv_transpose(PAIRS, W, stride=3, output_padding=v),
    "conv_transpose: output_size": lambda v: m.conv_transpose(jnp.ones((2, 2)), jnp.ones((1, 1, 2)), output_size=(v,)),
    **named("conv_map", options(lambda **o: m.conv_map(W, (6, 6), **({"padding": 2} | o)).T.matrix(), *AS_CONV)),
    "conv_map: in_size": lambda v: m.conv_map(W, (v, 3), padding=1).matrix(),
    "patch_map: w_shape": lambda v: m.patch_map(IMAGE, (v, v, 1, 1)).matrix(),
    "explain_form: w_shape": lambda v: str(m.explain_form((v, v, 1, 1), (1, 6, 6, 1))),
    "explain_form: in_shape": lambda v: str(m.explain_form((2, 2, 1, 1), (v, 6, 6, 1))),
    "local_map: in_size": lambda v: m.local_map(jnp.ones((1, 2, 1, 1)), (v,)).matrix(),
    "tiled_map: in_size": lambda v: m.tiled_map(jnp.ones((1, 2, 1, 1)), (v,)).matrix(),
    **named("tiled_conv", windowed(lambda x, _, **o: m.tiled_conv(x, jnp.ones((2, 2, 1, 1)), **o))),
    **named("unfold", windowed(m.unfold)),
    "unfold: kernel_size": lambda v: m.unfold(LINE, (v,)),
    "fold: in_size": lambda v: m.fold(jnp.ones((1, 2)), (v,), (2,)),
    "fold: kernel_size": lambda v: m.fold(jnp.ones((1, 2)), (2,), (v,)),
    "pad: widths": lambda v: m.pad(LINE, ((v, 1),)),
    "pad_map: widths": lambda v: m.pad_map((4, 1), ((v, 1),)).matrix(),
    "pad_map: in_shape": lambda v: m.pad_map((v, 1), ((1, 1),)).matrix(),
    **named("max_pool", windowed(m.max_pool)),
    **named("avg_pool", windowed(m.avg_pool)),
    **named("lp_pool", windowed(m.lp_pool)),
    "max_pool: window": lambda v: m.max_pool(LINE, (v,)),
    "avg_pool: window": lambda v: m.avg_pool(LINE, (v,)),
    "lp_pool: window": lambda v: m.lp_pool(LINE, (v,)),
    "avg_pool_map: in_shape": lambda v: m.avg_pool_map((v, 1), (2,)).matrix(),
    "avg_pool_map: window": lambda v: m.avg_pool_map((8, 1), (v,)).matrix(),
    "max_pool_map_at: window": lambda v: m.max_pool_map_at(LINE, (v,)).matrix(),
    "weighted_pool: stride": lambda v: m.weighted_pool(LINE, jnp.ones(3), stride=v),
    "weighted_pool: ndim": lambda v: m.weighted_pool(jnp.ones((4, 4, 2)), jnp.ones((2, 2)), ndim=v),
    "max_unpool: output_size": lambda v: m.max_unpool(jnp.ones((1, 1)), jnp.zeros((1, 1), jnp.int32), (v,)),
    "adaptive_avg_pool: output_size": lambda v: m.adaptive_avg_pool(LINE, (v,)),
    "adaptive_max_pool: output_size": lambda v: m.adaptive_max_pool(LINE, (v,)),
    "adaptive_avg_pool_map: in_shape": lambda v: m.adaptive_avg_pool_map((v, 1), (2,)).matrix(),
    "adaptive_avg_pool_map: output_size": lambda v: m.adaptive_avg_pool_map((8, 1), (v,)).matrix(),
    "adaptive_max_pool_map_at: output_size": lambda v: m.adaptive_max_pool_map_at(LINE, (v,)).matrix(),
    "global_avg_pool: ndim": lambda v: m.global_avg_pool(IMAGE, v),
    "global_max_pool: ndim": lambda v: m.global_max_pool(IMAGE, v),
    "global_lp_pool: ndim": lambda v: m.global_lp_pool(IMAGE, v),
    "channel_pool: size": lambda v: m.channel_pool(jnp.ones((3, 4)), v),
    "tie: tile": lambda v: m.tie(jnp.ones((2, 3)), (v,), (5,)),
    "tie: out_size": lambda v: m.tie(jnp.ones((1, 3)), (1,), (v,)),
    **named("compose_kernels", options(lambda **o: m.compose_kernels(W, jnp.ones((2, 2, 2, 1)), **o), "stride")),
    "compose_kernels: second_dilation": lambda v: m.compose_kernels(W, jnp.ones((2, 2, 2, 1)), second_dilation=v),
    "dense_kernel: in_shape": lambda v: m.dense_kernel(jnp.ones((3, 2)), (v, 1)),
    **named(
        "Axis",
        options(lambda **o: m.Axis(**({"in_size": 5, "out_size": 2, "kernel_size": 2} | o)), *m.Axis.__match_args__),
    ),
    **named(
        "Axis.of",
        options(lambda **o: m.Axis.of(**({"in_size": 5, "kernel_size": 2} | o)), "in_size", "kernel_size", *AS_CONV),
    ),
    "conv_general_dilated: window_strides": lambda v: m.compat.conv_general_dilated(NCHW, OIHW, (v, 1), "VALID"),
    "conv_general_dilated: padding": lambda v: m.compat.conv_general_dilated(NCHW, OIHW, (1, 1), ((v, 1), (0, 1))),
    "conv_general_dilated: lhs_dilation": lambda v: m.compat.conv_general_dilated(
        NCHW, OIHW, (1, 1), [(0, 0), (0, 0)], lhs_dilation=(v, 1)
    ),
    "conv_general_dilated: rhs_dilation": lambda v: m.compat.conv_general_dilated(
        NCHW, OIHW, (1, 1), "VALID", rhs_dilation=(v, 1)
    ),
    "conv_general_dilated: feature_group_count": lambda v: m.compat.conv_general_dilated(
        NCHW, OIHW[:, :1], (1, 1), "VALID", feature_group_count=v
    ),
    "conv_general_dilated: batch_group_count": lambda v: m.compat.conv_general_dilated(
        NCHW, OIHW, (1, 1), "VALID", batch_group_count=v
    ),
    "compat.conv_transpose: strides": lambda v: m.compat.conv_transpose(PAIRS[None], OIHW.T, (v, 1), "SAME"),
    "compat.conv_transpose: rhs_dilation": lambda v: m.compat.conv_transpose(
        PAIRS[None], OIHW.T, (1, 1), "SAME", rhs_dilation=(v, 1)
    ),
    "nn.Conv: channels": lambda v: nn.Conv(v, (3, 3)).out_shape((6, 6, 1)),
    "nn.Conv: kernel_size": lambda v: nn.Conv(2, (v, v)).out_shape((6, 6, 1)),
    "nn.Conv: stride": lambda v: nn.Conv(2, (3, 3), stride=v).out_shape((6, 6, 1)),
    "nn.Dense: features": lambda v: nn.Dense(v).out_shape((4,)),
    "nn.MaxPool: window": lambda v: nn.MaxPool((v, v)).out_shape((6, 6, 1)),
    "ops.sum: axis": lambda v: ops.sum(jnp.ones((2, 3, 4)), axis=v),
    "ops.transpose: axes": lambda v: ops.transpose(jnp.ones((2, 3, 4)), (0, 1, v)),
    "grad: argnums": lambda v: autodiff.grad(lambda a, b, c: a * b * c * c, argnums=v)(1.0, 2.0, 3.0),
    "Tiles: tile": lambda v: m.conv(IMAGE, W, form=Tiles(v)),
    "Tiles: tile of one axis": lambda v: m.conv(IMAGE, W, form=Tiles((v, 1))),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CALLS)
def test_any_integer_is_the_same_as_a_python_int(name: str):
    expected = CALLS[name](2)
    for value in INTEGERS:
        found = CALLS[name](value)
        assert jax.tree.structure(found) == jax.tree.structure(expected)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", OTHERS, ids=repr)
def test_what_is_not_an_integer_is_refused_by_name(name: str, value: Any):
    with pytest.raises((TypeError, ValueError), match=f"`{name.partition(': ')[2].partition(' ')[0]}"):
        CALLS[name](value)


def test_the_checker_says_what_is_wrong():
    assert integer("n", np.uint8(200)) + 100 == 300
    assert sizes("n", np.array([2, 3])) == (2, 3)
    assert per_axis("n", np.uint8(2), 2) == per_axis("n", [2, np.int8(2)], 2) == (2, 2)
    with pytest.raises(ValueError, match="`n`=-1 must be at least 0"):
        sizes("n", (-1,))
    with pytest.raises(ValueError, match=f"`n`={LARGEST + 1} must lie within 32 bits"):
        integer("n", LARGEST + 1)
    with pytest.raises(TypeError, match="must be a tuple with one int per spatial axis"):
        sizes("n", 2)


def test_padding_that_is_computed_from_narrow_integers_does_not_wrap():
    assert m.Axis.of(np.int8(100), 3, padding=np.int8(50)).out_size == 198
