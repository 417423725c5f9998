"""For every linear primitive of JAX functions of one array that are that primitive, with drawn shapes and integers."""

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import primitives

Draw = Callable[[Any], Any]
Function = Callable[[Any], Any]
Case = tuple[Function, tuple[int, ...]]

sizes = st.integers(1, 3)
shapes = st.lists(sizes, min_size=1, max_size=3).map(tuple)


def numbers(draw: Draw, *shape: int) -> jax.Array:
    """Small integers, as floats."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return jnp.asarray(rng.integers(-3, 4, shape), jnp.float32)


def whole(draw: Draw, low: int, high: int, *shape: int) -> jax.Array:
    """Integers from `low` to `high`, both included."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return jnp.asarray(rng.integers(low, high + 1, shape), jnp.int32)


def per_axis(draw: Draw, rank: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


def axis_of(draw: Draw, shape: tuple[int, ...]) -> int:
    return draw(st.integers(0, len(shape) - 1))


def axes_of(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))))


def elementwise(f: Callable[[Any, Any], Any]) -> Callable[[Draw], Case]:
    """A function of an array and a constant of its shape."""

    def case(draw: Draw) -> Case:
        shape = draw(shapes)
        constant = numbers(draw, *shape)
        return lambda x: f(x, constant), shape

    return case


def of_shape(f: Callable[[Draw, tuple[int, ...]], Function]) -> Callable[[Draw], Case]:
    """A function that needs no more than the shape."""

    def case(draw: Draw) -> Case:
        shape = draw(shapes)
        return f(draw, shape), shape

    return case


def either(f: Callable[[Any, Any], Any], x: jax.Array, w: jax.Array) -> Case:
    """A function that is linear in each of two arrays, in either of them, the other being these integers."""

    def of_both(both: Any) -> Any:
        return f(both[: x.size].reshape(x.shape), w), f(x, both[x.size :].reshape(w.shape))

    return of_both, (x.size + w.size,)


def broadcast(draw: Draw) -> Case:
    out = draw(shapes)
    axes = axes_of(draw, out)
    shape = tuple(draw(st.sampled_from([1, out[axis]])) for axis in axes)
    return lambda x: lax.broadcast_in_dim(x, out, axes), shape


def dot_general(draw: Draw) -> Case:
    b, i, j, k = (draw(sizes) for _ in "bijk")
    first, second, dims = draw(
        st.sampled_from(
            [
                ((b, i, k), (b, j, k), (((2,), (2,)), ((0,), (0,)))),
                ((i, b, k), (k, j, b), (((2,), (0,)), ((1,), (2,)))),
                ((i, k), (k, j), (((1,), (0,)), ((), ()))),
            ]
        )
    )
    return either(lambda x, w: lax.dot_general(x, w, dims), numbers(draw, *first), numbers(draw, *second))


def ragged_dot(draw: Draw) -> Case:
    m, k, n, g = draw(st.integers(2, 5)), draw(sizes), draw(sizes), 2
    groups = whole(draw, 0, m // 2, g)
    return either(lambda x, w: lax.ragged_dot(x, w, groups), numbers(draw, m, k), numbers(draw, g, k, n))


def convolution(draw: Draw) -> Case:
    """Any order of the axes, groups of channels or of images, every step, negative padding."""
    rank = draw(st.integers(0, 2))
    groups = draw(st.sampled_from(["feature_group_count", "batch_group_count"]))
    count = draw(st.integers(1, 2))
    images, c_in, c_out = (2, draw(sizes), 2)
    channels = c_in * count if groups == "feature_group_count" else c_in
    size, kernel = per_axis(draw, rank, 1, 4), per_axis(draw, rank, 1, 2)
    x_shape, w_shape = (images, channels, *size), (c_out, c_in, *kernel)
    orders = [tuple(draw(st.permutations(range(rank + 2)))) for _ in range(3)]
    options = {
        "window_strides": per_axis(draw, rank, 1, 2),
        "padding": [per_axis(draw, 2, -1 if n > 1 else 0, 2) for n in size],
        "lhs_dilation": per_axis(draw, rank, 1, 2),
        "rhs_dilation": per_axis(draw, rank, 1, 2),
        "dimension_numbers": lax.ConvDimensionNumbers(*orders),
        groups: count,
    }
    x_shape, w_shape = (moved(shape, order) for shape, order in zip((x_shape, w_shape), orders[:2], strict=True))
    x, w = numbers(draw, *x_shape), numbers(draw, *w_shape)
    return either(lambda x, w: lax.conv_general_dilated(x, w, **options), x, w)


def moved(shape: tuple[int, ...], spec: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes at the places that a specification has for them."""
    return tuple(shape[spec.index(axis)] for axis in range(len(shape)))


def dynamic_slice(draw: Draw) -> Case:
    shape = draw(shapes)
    size = tuple(draw(st.integers(1, n)) for n in shape)
    starts = per_axis(draw, len(shape), -2, 4)
    return lambda x: lax.dynamic_slice(x, [jnp.int32(s) for s in starts], size), shape


def dynamic_update(draw: Draw) -> Case:
    shape = draw(shapes)
    size = tuple(draw(st.integers(1, n)) for n in shape)
    starts = [jnp.int32(s) for s in per_axis(draw, len(shape), -2, 4)]
    box = tuple(slice(n) for n in size)
    return lambda x: lax.dynamic_update_slice(x, 2 * x[box], starts), shape


MODES = [lax.GatherScatterMode.CLIP, lax.GatherScatterMode.FILL_OR_DROP]


def gather(draw: Draw) -> Case:
    """Slices of one row and some columns, at places inside and outside, in every mode."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    width = draw(st.integers(1, columns))
    places = whole(draw, -2, 4, draw(sizes), 2)
    numbers = lax.GatherDimensionNumbers((1,), (0,), (0, 1))
    picked = lambda x, mode: lax.gather(x, places, numbers, (1, width), mode=mode, fill_value=0)
    return lambda x: [picked(x, mode) for mode in MODES], (rows, columns)


def scattering(scatter: Callable[..., Any]) -> Callable[[Draw], Case]:
    """Windows of one row and some columns, at places inside and outside; both operand and updates vary."""

    def case(draw: Draw) -> Case:
        rows, columns = 3, draw(st.integers(1, 3))
        width, count = draw(st.integers(1, columns)), draw(st.integers(2, 4))
        places = whole(draw, -1, 3, count, 2).at[0].set(0)  # one inside, the others anywhere
        dimensions = lax.ScatterDimensionNumbers((1,), (0,), (0, 1))

        def f(x: Any) -> Any:
            operand, updates = x[: rows * columns].reshape(rows, columns), x[rows * columns :].reshape(count, width)
            return [scatter(operand, places, updates, dimensions, mode=mode) for mode in MODES]

        return f, (rows * columns + count * width,)

    return case


def written(draw: Draw) -> Case:
    """Rows that are written, each once, inside and outside."""
    rows, columns, count = draw(sizes), draw(sizes), draw(sizes)
    places = jnp.asarray(draw(st.permutations(range(-1, 4)))[:count], jnp.int32)[:, None]
    dimensions = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    mode = lax.GatherScatterMode.FILL_OR_DROP

    def f(x: Any) -> Any:
        operand, updates = x[: rows * columns].reshape(rows, columns), x[rows * columns :].reshape(count, columns)
        return lax.scatter(operand, places, updates, dimensions, mode=mode, unique_indices=True)

    return f, ((rows + count) * columns,)


def factors(draw: Draw) -> Case:
    """Products with updates; in the updates they are linear where each entry has one."""
    operand, updates = numbers(draw, 3, 2), numbers(draw, 1, 2)
    options = {"mode": draw(st.sampled_from(MODES)), "unique_indices": True}
    places = whole(draw, -1, 3, 1, 2).at[0, 1].set(0)
    dimensions = lax.ScatterDimensionNumbers((1,), (0,), (0, 1))
    return either(lambda x, w: lax.scatter_mul(x, places, w, dimensions, **options), operand, updates)


def windows(draw: Draw, rank: int) -> dict[str, Any]:
    return {
        "window_dimensions": per_axis(draw, rank, 1, 2),
        "window_strides": per_axis(draw, rank, 1, 2),
        "padding": [per_axis(draw, 2, 0, 1) for _ in range(rank)],
    }


def dilated(draw: Draw, rank: int) -> dict[str, Any]:
    return {"base_dilation": per_axis(draw, rank, 1, 2), "window_dilation": per_axis(draw, rank, 1, 2)}


def window_sum(draw: Draw) -> Case:
    shape = tuple(n + 1 for n in draw(shapes))
    options = {**windows(draw, len(shape)), **dilated(draw, len(shape))}
    return lambda x: lax.reduce_window(x, 0.0, lax.add, **options), shape


def chosen(draw: Draw) -> Case:
    """What the maxima, or the minima, of the windows of another array choose; ties are drawn often."""
    shape = tuple(n + 1 for n in draw(shapes))
    options = {**windows(draw, len(shape)), **dilated(draw, len(shape))}
    select = draw(st.sampled_from([primitives.ge_p, primitives.le_p]))
    other = numbers(draw, *shape)
    return lambda x: primitives.select_and_gather_add_p.bind(x, other, select_prim=select, **_tuples(options)), shape


def sent_back(draw: Draw) -> Case:
    """The transpose: sources added where the windows chose."""
    shape = tuple(n + 1 for n in draw(shapes))
    options = windows(draw, len(shape))
    other = numbers(draw, *shape)
    out = jax.eval_shape(lambda x: lax.reduce_window(x, -jnp.inf, lax.max, **options), other).shape
    bound = primitives.select_and_scatter_add_p.bind
    return lambda x: bound(x, other, select_prim=primitives.ge_p, **_tuples(options)), out


def _tuples(options: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) for name, value in options.items()}


def fourier(draw: Draw) -> Case:
    """Axes of 1, 2 and 4 points, where every entry is ±1, ±i or a power of two times that."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 4]), min_size=1, max_size=2)))
    kind = draw(st.sampled_from(["fft", "ifft", "rfft", "irfft"]))
    turn = numbers(draw, *shape) + 1j * numbers(draw, *shape)
    if kind == "rfft":
        return lambda x: _both(jnp.fft.rfftn(x)), shape
    if kind == "irfft":
        half = jax.eval_shape(jnp.fft.rfftn, jnp.zeros(shape)).shape
        turn = numbers(draw, *half) + 1j * numbers(draw, *half)
        return lambda x: jnp.fft.irfftn(x * turn, shape), half
    return lambda x: _both(getattr(jnp.fft, kind + "n")(x * turn)), shape


def _both(z: Any) -> Any:
    return jnp.stack([jnp.real(z), jnp.imag(z)])


def triangular(draw: Draw) -> Case:
    """Ones on the diagonal, so that the inverse is of integers."""
    n, m, batch = draw(sizes), draw(sizes), draw(sizes)
    names = ("left_side", "lower", "transpose_a", "conjugate_a")
    options = {name: draw(st.booleans()) for name in names}
    a = numbers(draw, batch, n, n)
    shape = (batch, n, m) if options["left_side"] else (batch, m, n)
    return lambda x: lax.linalg.triangular_solve(a, x, unit_diagonal=True, **options), shape


def tridiagonal(draw: Draw) -> Case:
    """A matrix that no row of is exchanged, with powers of two on its diagonals."""
    n, m = draw(st.integers(2, 4)), draw(sizes)
    above = numbers(draw, n).at[-1].set(0)
    return lambda x: lax.linalg.tridiagonal_solve(jnp.zeros(n), jnp.full(n, 2.0), above, x), (n, m)


def padded(draw: Draw) -> Case:
    shape = draw(shapes)
    config = [(*per_axis(draw, 2, -1 if n > 1 else 0, 2), draw(st.integers(0, 2))) for n in shape]
    return lambda x: lax.pad(x, x[(0,) * len(shape)], config), shape


def selected(draw: Draw) -> Case:
    shape = draw(shapes)
    which = whole(draw, 0, 2, *shape)
    return lambda x: lax.select_n(which, x, 2 * x, 3 * x), shape


def sliced(draw: Draw) -> Case:
    shape = tuple(n + 1 for n in draw(shapes))
    starts = tuple(draw(st.integers(0, n - 1)) for n in shape)
    limits = tuple(draw(st.integers(s, n)) for s, n in zip(starts, shape, strict=True))
    strides = per_axis(draw, len(shape), 1, 2)
    return lambda x: lax.slice(x, starts, limits, strides), shape


def split(draw: Draw) -> Case:
    shape = draw(shapes)
    axis = axis_of(draw, shape)
    first = draw(st.integers(0, shape[axis]))
    parts = draw(st.permutations([0, 1]))
    return lambda x: tuple(lax.split(x, (first, shape[axis] - first), axis)[n] for n in parts), shape


CASES: dict[str, Callable[[Draw], Case]] = {
    "add": elementwise(lambda x, c: lax.add(x, x)),
    "add_any": elementwise(lambda x, c: primitives.add_jaxvals_p.bind(x, x * c)),
    "sub": elementwise(lambda x, c: lax.sub(x * c, x)),
    "neg": elementwise(lambda x, c: lax.neg(x)),
    "mul": elementwise(lambda x, c: lax.mul(c, x) + 3 * x),
    "div": elementwise(lambda x, c: lax.div(x, 2 ** jnp.round(c)) + x / 2),
    "select_n": selected,
    "copy": elementwise(lambda x, c: primitives.copy_p.bind(x)),
    "device_put": elementwise(lambda x, c: jax.device_put(x)),
    "optimization_barrier": elementwise(lambda x, c: lax.optimization_barrier((x, c * x))),
    "reduce_precision": elementwise(lambda x, c: lax.reduce_precision(x, 8, 7)),
    "convert_element_type": elementwise(lambda x, c: x.astype(jnp.bfloat16)),
    "real": elementwise(lambda x, c: jnp.real(x * (c + 2j))),
    "imag": elementwise(lambda x, c: jnp.imag(x * (c + 2j))),
    "complex": elementwise(lambda x, c: _both(lax.complex(x, c * x) * (1 + 1j))),
    "conj": elementwise(lambda x, c: _both(jnp.conj(x * (c + 2j)))),
    "reshape": of_shape(lambda draw, shape: lambda x: lax.reshape(x, (x.size, 1))),
    "squeeze": of_shape(lambda draw, shape: lambda x: lax.squeeze(x[..., :1], (len(shape) - 1,))),
    "transpose": of_shape(lambda draw, shape: _partial(lax.transpose, draw(st.permutations(range(len(shape)))))),
    "rev": of_shape(lambda draw, shape: _partial(lax.rev, axes_of(draw, shape))),
    "broadcast_in_dim": broadcast,
    "tile": of_shape(lambda draw, shape: _partial(jnp.tile, per_axis(draw, len(shape), 1, 2))),
    "reduce_sum": of_shape(lambda draw, shape: _partial(jnp.sum, axes_of(draw, shape))),
    "psum": of_shape(lambda draw, shape: jax.vmap(lambda x: (*lax.psum((x, 2 * x), "image"), x), axis_name="image")),
    "cumsum": of_shape(lambda draw, shape: _partial(lax.cumsum, axis_of(draw, shape), draw(st.booleans()))),
    "slice": sliced,
    "concatenate": elementwise(lambda x, c: lax.concatenate([x, c * x, x], 0)),
    "split": split,
    "stack": of_shape(lambda draw, shape: _stack(draw(st.integers(0, len(shape))))),
    "unstack": of_shape(lambda draw, shape: _partial(jnp.unstack, axis_of(draw, shape))),
    "pad": padded,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update,
    "gather": gather,
    "scatter": written,
    "scatter-add": scattering(lax.scatter_add),
    "scatter-sub": scattering(lax.scatter_sub),
    "scatter-mul": factors,
    "dot_general": dot_general,
    "ragged_dot_general": ragged_dot,
    "conv_general_dilated": convolution,
    "fft": fourier,
    "triangular_solve": triangular,
    "tridiagonal_solve": tridiagonal,
    "reduce_window_sum": window_sum,
    "select_and_gather_add": chosen,
    "select_and_scatter_add": sent_back,
}


def _partial(f: Callable[..., Any], *rest: Any) -> Function:
    def of(x: Any) -> Any:
        return f(x, axis=rest[0]) if f is jnp.unstack else f(x, *rest)

    return of


def _stack(axis: int) -> Function:
    return lambda x: jnp.stack([x, 2 * x], axis)
