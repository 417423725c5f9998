"""The family: convolution with its two arrows C(w) and X(x), pooling, padding and windows."""

from typing import Any

from minicnn import maps
from minicnn.autodiff.rules.rule import Entry, Rule, bilinear, diagonal, general, linear
from minicnn.autodiff.times import correlate_p
from minicnn.forms import Geometry
from minicnn.functional.adaptive import adaptive_avg_pool_p, adaptive_max_pool_p, bin_selection
from minicnn.functional.convolution import convolve_p
from minicnn.functional.lp_pooling import lp_derivative, lp_pool_p, unit_power_p, unit_power_slope
from minicnn.functional.padding import pad_p, pad_transpose_p
from minicnn.functional.pooling import avg_pool_p, max_pool_p, selection
from minicnn.functional.unpooling import max_unpool_p, unpooling
from minicnn.functional.windows import fold_p, unfold_p
from minicnn.maps import LinearMap
from minicnn.primitive import Primitive, value_of


def _convolve(y: Any, x: Any, w: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return maps.Batched(maps.ConvMap(w, geometry, form, arithmetic, y.dtype), x.shape[:1])


def _patches(y: Any, x: Any, w: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return maps.PatchMap(x, geometry, x.shape[:1], form, arithmetic, y.dtype)


def _weights(w: Any, x: Any, z: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    return _patches(w, x, w, geometry, form, arithmetic).T


def _weights_from_outputs(w: Any, x: Any, z: Any, geometry: Geometry, form: Any, arithmetic: Any) -> LinearMap:
    """In τ inputs and outputs are alike: X(x)ᵀz is X(z)ᵀx of the transposed geometry, its channels exchanged."""
    swap = maps.exchanged_channels(geometry, w.dtype)
    return maps.compose(swap, _weights(w, z, x, geometry.T, form, arithmetic))


def _select(y: Any, x: Any, axes: Any) -> LinearMap:
    return selection(value_of(x), axes)


def _average(y: Any, x: Any, axes: Any, counted: Any) -> LinearMap:
    return maps.Batched(maps.AveragePool(axes, x.shape[-1], counted, y.dtype), x.shape[:1])


def _unfold(y: Any, x: Any, axes: Any) -> LinearMap:
    return maps.Batched(maps.Unfold(axes, x.shape[-1], y.dtype), x.shape[:1])


def _fold(y: Any, p: Any, axes: Any, channels: int) -> LinearMap:
    return maps.Batched(maps.Unfold(axes, channels, y.dtype).T, p.shape[:1])


def _pad(y: Any, x: Any, axes: Any) -> LinearMap:
    return maps.Batched(maps.Pad(axes, x.shape[-1], y.dtype), x.shape[:1])


def _unpad(x: Any, y: Any, axes: Any) -> LinearMap:
    return _pad(y, x, axes).T


def _bin_average(y: Any, x: Any, axes: Any) -> LinearMap:
    return maps.Batched(maps.BinAverage(axes, x.shape[-1], y.dtype), x.shape[:1])


def _bin_select(y: Any, x: Any, axes: Any) -> LinearMap:
    return bin_selection(value_of(x), axes)


def _unpool(x: Any, y: Any, indices: Any, output_size: Any) -> LinearMap:
    return unpooling(y, value_of(indices), output_size)


table: dict[Primitive, Rule] = {
    convolve_p: bilinear("xw", Entry("C({w})", _convolve), Entry("X({x})", _patches)),
    correlate_p: bilinear("xz", Entry("X({z})ᵀ", _weights_from_outputs), Entry("X({x})ᵀ", _weights)),
    max_pool_p: general("x", Entry("S({x})", _select)),
    avg_pool_p: linear("x", Entry("A", _average)),
    unfold_p: linear("x", Entry("U", _unfold)),
    fold_p: linear("x", Entry("Uᵀ", _fold)),
    lp_pool_p: general("x", Entry("N({x})", lambda y, x, axes, p: lp_derivative(y, x, axes, p))),
    unit_power_p: general("x", diagonal("p/{x}", lambda y, x, power: unit_power_slope(x, power))),
    adaptive_avg_pool_p: linear("x", Entry("A", _bin_average)),
    adaptive_max_pool_p: general("x", Entry("S({x})", _bin_select)),
    max_unpool_p: linear("yi", Entry("S({i})ᵀ", _unpool), None),
    pad_p: linear("x", Entry("P", _pad)),
    pad_transpose_p: linear("y", Entry("Pᵀ", _unpad)),
}
