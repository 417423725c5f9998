"""The operations in JAX: ours, and `jax.lax`'s own."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

import minicnn
from minicnn.bench import resnet18
from minicnn.bench.cases import Case
from minicnn.nn import losses
from minicnn.zoo import LeNet5

Function = Callable[..., Any]


def ours(case: Case, form: Any = "auto") -> Function:
    """The operation as minicnn computes it."""
    if case.operation in _NETWORKS:
        return _loss(case, _NETWORKS[case.operation].ours)
    pool = {"stride": case.stride, "padding": case.padding}
    table: dict[str, Function] = {
        "conv": lambda x, w: minicnn.conv(x, w, **_options(case), form=form),
        "conv_transpose": lambda y, w: minicnn.conv_transpose(y, w, **_options(case), form=form),
        "max_pool": lambda x: minicnn.max_pool(x, case.kernel, **pool),
        "avg_pool": lambda x: minicnn.avg_pool(x, case.kernel, **pool),
    }
    return _arranged(case, table[case.operation])


def theirs(case: Case) -> Function:
    """The operation as `jax.lax` computes it."""
    if case.operation in _NETWORKS:
        return _loss(case, _NETWORKS[case.operation].theirs)
    table = {"conv": _lax_conv, "conv_transpose": _lax_transpose, "max_pool": _lax_max, "avg_pool": _lax_average}
    function = lambda *operands: table[case.operation](case, *operands)
    return jax.vmap(function) if case.mapped else function


def held(case: Case) -> tuple[Any, ...]:
    """What the functions take first, without a gradient: the images of a network.

    They are no constants of the program: XLA would cut windows out of constants while it compiles.
    """
    return tuple(map(jnp.asarray, case.operands())) if case.operation in _NETWORKS else ()


def operands(case: Case) -> tuple[Any, ...]:
    """What the functions take, as JAX arrays: x and w, or the parameters of the network."""
    if case.operation in _NETWORKS:
        return (_NETWORKS[case.operation].init(case),)
    arrays = tuple(map(jnp.asarray, case.operands()))
    if case.layout == "NCHW":
        return jnp.moveaxis(arrays[0], -1, 1), *arrays[1:]
    return arrays


def _options(case: Case) -> dict[str, Any]:
    return {"stride": case.stride, "padding": case.padding, "dilation": case.dilation, "groups": case.groups}


def _arranged(case: Case, function: Function) -> Function:
    if case.mapped:
        return jax.vmap(function)
    if case.layout == "NCHW":
        return lambda x, w: jnp.moveaxis(function(jnp.moveaxis(x, 1, -1), w), -1, 1)
    return function


def _lax_conv(case: Case, x: Any, w: Any) -> Any:
    spatial = "DHW"[-case.rank :]
    lhs = f"N{spatial}C" if case.layout == "NHWC" else f"NC{spatial}"
    return lax.conv_general_dilated(
        x,
        w,
        (case.stride,) * case.rank,
        case.widths,
        rhs_dilation=(case.dilation,) * case.rank,
        feature_group_count=case.groups,
        dimension_numbers=(lhs, f"{spatial}IO", lhs),
    )


def _lax_transpose(case: Case, y: Any, w: Any) -> Any:
    numbers = ("NHWC", "HWIO", "NHWC")
    strides, padding = (case.stride,) * case.rank, str(case.padding)
    return lax.conv_transpose(y, w, strides, padding, dimension_numbers=numbers, transpose_kernel=True)


def _lax_max(case: Case, x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, *_window(case))


def _lax_average(case: Case, x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, *_window(case)) / (case.kernel[0] * case.kernel[1])


def _window(case: Case) -> tuple[tuple[int, ...], tuple[int, ...], Any]:
    return (1, *case.kernel, 1), (1, *(case.stride,) * case.rank, 1), case.padding


def _loss(case: Case, apply: Function) -> Function:
    labels = jnp.arange(case.batch) % case.c_out
    return lambda x, params: losses.cross_entropy(apply(params, x), labels)


def _lax_lenet(params: Any, x: Any) -> Any:
    numbers = ("NHWC", "HWIO", "NHWC")
    conv = lambda x, p: lax.conv_general_dilated(x, p["w"], (1, 1), "VALID", dimension_numbers=numbers) + p["b"]
    pool = lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = pool(jax.nn.relu(conv(x, params[0])))
    x = pool(jax.nn.relu(conv(x, params[3])))
    x = jax.nn.relu(conv(x, params[6])).reshape(x.shape[0], -1)
    x = jax.nn.relu(x @ params[9]["w"] + params[9]["b"])
    return x @ params[11]["w"] + params[11]["b"]


@dataclass(frozen=True)
class _Network:
    """How a network's parameters are drawn, and its two ways from parameters and images to scores."""

    init: Callable[[Case], Any]
    ours: Function
    theirs: Function


def _same_conv(convolve: Function) -> resnet18.Convolve:
    """Convolve with a function of lax's signature, padded so that stride 1 keeps the size."""
    numbers = ("NHWC", "HWIO", "NHWC")

    def same(x: Any, w: Any, stride: int) -> Any:
        pad = w.shape[0] // 2
        return convolve(x, w, (stride, stride), ((pad, pad), (pad, pad)), dimension_numbers=numbers)

    return same


_NETWORKS: dict[str, _Network] = {
    "lenet": _Network(
        lambda case: LeNet5().init(jax.random.key(0), (*case.in_size, case.c_in)), LeNet5().apply, _lax_lenet
    ),
    "resnet18": _Network(
        lambda case: resnet18.init(case.c_in, case.c_out),
        partial(resnet18.apply, _same_conv(minicnn.compat.conv_general_dilated)),
        partial(resnet18.apply, _same_conv(lax.conv_general_dilated)),
    ),
}


def flax(case: Case) -> Function:
    """The convolution as `flax.nnx.Conv` computes it, without its bias."""
    from flax import nnx

    layer = nnx.Conv(
        case.c_in,
        case.c_out,
        case.kernel,
        strides=case.stride,
        padding=case.widths,
        kernel_dilation=case.dilation,
        feature_group_count=case.groups,
        use_bias=False,
        rngs=nnx.Rngs(0),
    )
    graph, _ = nnx.split(layer)
    merge: Any = nnx.merge
    return lambda x, w: merge(graph, nnx.State({"kernel": nnx.Param(w)}))(x)
