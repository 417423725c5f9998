"""What every function of the family does: all transformations of JAX, all dtypes, empty batches, one compilation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import autodiff, compat, ops

EDGES = ("circular", "reflect", "replicate", "symmetric")
C3 = np.array([[1, 0, 1], [0, 1, 1]])


class Member(NamedTuple):
    """A function of x, batched, and perhaps of weights; `numbers` are the kinds that it takes."""

    function: Callable[..., Any]
    x: tuple[int, ...]
    w: tuple[int, ...] | None = None
    numbers: str = "fic"


def reflected_transpose(y: Any, w: Any) -> Any:
    return minicnn.conv_transpose(y, w, stride=2, padding=1, padding_mode="reflect", output_size=(5, 4))


LAX = ("NHWC", "HWIO", "NHWC")
FAMILY = {
    "conv": Member(lambda x, w: minicnn.conv(x, w, stride=2, padding="SAME"), (5, 4, 2), (3, 3, 2, 3)),
    "conv_mask": Member(lambda x, w: minicnn.conv(x, w, mask=C3), (5, 4, 2), (3, 3, 2, 3)),
    **{
        mode: Member(lambda x, w, m=mode: minicnn.conv(x, w, padding=1, padding_mode=m), (3, 4, 2), (3, 2, 2, 3))
        for mode in EDGES
    },
    "conv_transpose": Member(lambda y, w: minicnn.conv_transpose(y, w, stride=2), (3, 2, 3), (3, 3, 2, 3)),
    "conv_transpose_reflect": Member(reflected_transpose, (3, 2, 3), (3, 3, 2, 3)),
    "local_conv": Member(minicnn.local_conv, (4, 3, 2), (3, 2, 2, 2, 2, 3)),
    "tiled_conv": Member(lambda x, w: minicnn.tiled_conv(x, w, padding=1), (4, 3, 2), (2, 2, 2, 2, 2, 3)),
    "unfold": Member(lambda x: minicnn.unfold(x, (2, 2)), (4, 3, 2)),
    "fold": Member(lambda p: minicnn.fold(p, (4, 3), (2, 2)), (3, 2, 8)),
    "pad": Member(lambda x: minicnn.pad(x, ((1, 2), (0, 1)), "reflect"), (4, 3, 2)),
    "max_pool": Member(lambda x: minicnn.max_pool(x, (2, 2), stride=1), (4, 3, 2), None, "fi"),
    "max_pool_of_many_taps": Member(lambda x: minicnn.max_pool(x, (7, 3), stride=1), (8, 4, 2), None, "fi"),
    "avg_pool": Member(lambda x: minicnn.avg_pool(x, (2, 2), padding=1), (4, 3, 2), None, "fc"),
    "avg_pool_of_many_taps": Member(lambda x: minicnn.avg_pool(x, (7, 3), stride=(1, 2)), (9, 5, 2), None, "fc"),
    "unfold_of_many_taps": Member(lambda x: minicnn.unfold(x, (5, 3), padding=1), (6, 4, 1)),
    "lp_pool": Member(lambda x: minicnn.lp_pool(x, (2, 2), p=3), (4, 4, 2), None, "f"),
    "weighted_pool": Member(lambda x, w: minicnn.weighted_pool(x, w, ndim=2), (4, 4, 2), (2, 2, 2)),
    "matrix_pool": Member(minicnn.matrix_pool, (4, 3, 2), (2, 2, 4, 3)),
    "max_unpool": Member(lambda y: minicnn.max_unpool(y, jnp.zeros(y.shape, int), (3, 3)), (2, 2, 2)),
    "adaptive_avg_pool": Member(lambda x: minicnn.adaptive_avg_pool(x, (3, 2)), (5, 4, 2), None, "fc"),
    "adaptive_max_pool": Member(lambda x: minicnn.adaptive_max_pool(x, (3, 2)), (5, 4, 2), None, "fi"),
    "global_avg_pool": Member(minicnn.global_avg_pool, (5, 4, 2), None, "fc"),
    "global_max_pool": Member(minicnn.global_max_pool, (5, 4, 2), None, "fi"),
    "global_lp_pool": Member(minicnn.global_lp_pool, (5, 4, 2), None, "f"),
    "channel_pool": Member(lambda x: minicnn.channel_pool(x, 2), (3, 4), None, "fi"),
    "tie": Member(lambda w: minicnn.tie(w, (*w.shape[:-2], 2), (*w.shape[:-2], 5)), (2, 3)),
    "add_bias": Member(minicnn.add_bias, (4, 3, 2), (2, 3, 2)),
    "dense_kernel": Member(lambda x, M: minicnn.conv(x, minicnn.dense_kernel(M, (3, 2, 2))), (3, 2, 2), (4, 12)),
    "compose_kernels": Member(
        lambda x, w: minicnn.conv(x, minicnn.compose_kernels(w, w)), (5, 6, 2), (2, 2, 2, 2)
    ),
    "compat": Member(
        lambda x, w: compat.conv_general_dilated(x, w, (2, 1), "SAME", dimension_numbers=LAX) if x.ndim == 4
        else compat.conv_general_dilated(x[None], w, (2, 1), "SAME", dimension_numbers=LAX)[0],
        (5, 4, 2),
        (3, 3, 2, 3),
    ),
}  # fmt: skip

# Made of others in the table alone.
COMPOSED = {
    "circular",
    "replicate",
    "symmetric",
    "conv_mask",
    "weighted_pool",
    "compose_kernels",
    "dense_kernel",
    "global_lp_pool",
}
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in COMPOSED else name for name in FAMILY]


def arrays(member: Member, dtype: Any = np.float32, batch: int = 3) -> tuple[Any, ...]:
    """Small integers, no two equal within a window, so that no maximum has ties."""
    rng = np.random.default_rng(0)
    x = rng.permuted(np.arange(1, 1 + np.prod(member.x)) * np.ones((batch, 1)), axis=1) - 20
    weights = [] if member.w is None else [rng.integers(-3, 4, member.w).astype(dtype)]
    return x.reshape(batch, *member.x).astype(dtype), *weights


def close(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMES)
def test_every_transformation_of_jax(name: str) -> None:
    member = FAMILY[name]
    f = member.function
    x, *w = arrays(member)
    zeros = [None] * len(w)

    def loss(x: Any, *w: Any) -> Any:
        return (f(x, *w) ** 2).sum()

    @jax.jit
    def transformed(x: Any, *w: Any) -> Any:
        y, y_dot = jax.jvp(lambda x: f(x, *w), (x,), (jnp.cos(x),))
        (x_bar,) = jax.vjp(lambda x: f(x, *w), x)[1](jnp.sin(y))
        argnums = tuple(range(1 + len(w)))
        gradients = jax.grad(loss, argnums)(x, *w), jax.grad(jax.checkpoint(loss), argnums)(x, *w)
        directions = jnp.stack([jnp.cos(x), jnp.sin(x)])
        second = jax.vmap(lambda v: jax.jvp(lambda x: jax.grad(loss)(x, *w), (x,), (v,))[1])(directions)
        return {
            "y": y,
            "jvp": (jnp.vdot(jnp.sin(y), y_dot), jnp.vdot(x_bar, jnp.cos(x))),
            "checkpoint": gradients,
            "hessian": (jnp.vdot(jnp.sin(x), second[0]), jnp.vdot(jnp.cos(x), second[1])),
            "vmap": jax.vmap(f, (0, *zeros))(x, *w),
            "scan": jax.lax.scan(lambda carry, image: (carry, f(image, *w)), 0, x)[1],
            "over_weights": jax.vmap(f, (None, *(0 for _ in w)))(x, *(jnp.stack([v, 2 * v]) for v in w)) if w else (),
            "over_both": jax.vmap(f)(x, *(jnp.stack([v] * len(x)) for v in w)),
        }

    y, found = f(jnp.asarray(x), *w), transformed(x, *w)
    for way in ("y", "vmap", "scan", "over_both"):
        close(found[way], y)
    close(*found["jvp"])
    close(*found["hessian"])
    for plain, checkpointed in zip(*found["checkpoint"], strict=True):
        close(plain, checkpointed)
        assert bool(jnp.isfinite(plain).all())
    if w:
        close(found["over_weights"][0], y)
        close(found["over_weights"][1], f(jnp.asarray(x), 2 * w[0]))


HELD = {
    f"{kind} as {form}": Member(lambda x, w, f=form, g=groups: minicnn.conv(x, w, form=f, groups=g), x_shape, w_shape)
    for form in ("dense", "tiles", "diagonals", "fourier")
    for kind, x_shape, w_shape, groups in (
        ("2-D", (5, 4, 2), (3, 3, 2, 3), 1),
        ("depthwise", (5, 4, 2), (3, 3, 1, 2), 2),
        ("long", (60, 1), (40, 1, 2), 1),
    )
}
PHASES = {"phases": Member(lambda x, w: minicnn.conv(x, w, dilation=8), (60, 1), (6, 1, 2))}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [name for name in (*FAMILY, *HELD, *PHASES) if name != "tie"])  # which has no images
def test_a_program_is_exported_for_any_number_of_images(name: str) -> None:
    member = (FAMILY | HELD | PHASES)[name]
    x, *w = map(jnp.asarray, arrays(member))
    (n,) = jax.export.symbolic_shape("n")

    def with_gradients(*operands: Any) -> Any:
        gradients = jax.grad(lambda *a: (member.function(*a) ** 2).sum(), tuple(range(len(operands))))
        return member.function(*operands), gradients(*operands)

    exported = jax.export.export(jax.jit(with_gradients))(jax.ShapeDtypeStruct((n, *x.shape[1:]), x.dtype), *w)
    y, x_bar, *w_bar = exported.out_avals
    assert (y.shape[0], x_bar.shape) == (n, (n, *x.shape[1:]))
    assert [bar.shape for bar in w_bar] == [v.shape for v in w]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", NAMES)
def test_every_dtype_comes_out_as_it_went_in_and_integers_are_exact(name: str) -> None:
    member = FAMILY[name]
    kinds = {"f": ["float16", "bfloat16", "float32", "float64"], "i": ["int32"], "c": ["complex64", "complex128"]}
    dtypes = [dtype for kind in member.numbers for dtype in kinds[kind]]
    with jax.enable_x64(True):
        inputs = arrays(member, np.float64, batch=1)
        every = jax.jit(lambda *a: {d: member.function(*(jnp.asarray(v).astype(d) for v in a)) for d in dtypes})(
            *inputs
        )
    exact = np.asarray(every["float64"])
    for dtype, y in every.items():
        assert y.dtype == dtype
        tolerance = {"float16": 2e-2, "bfloat16": 1e-1, "float32": 1e-5, "complex64": 1e-5}.get(dtype, 1e-14)
        np.testing.assert_allclose(
            np.asarray(y).astype(complex), exact, rtol=tolerance, atol=tolerance * np.abs(exact).max()
        )
    if "i" in member.numbers:
        np.testing.assert_array_equal(every["int32"], exact)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [name for name in FAMILY if name not in ("tie", "max_unpool")])
def test_an_empty_batch_gives_an_empty_result(name: str) -> None:
    member = FAMILY[name]
    x, *w = arrays(member, batch=1)
    shape = jax.eval_shape(member.function, x, *w).shape
    empty = jax.jit(member.function)(x[:0], *w)
    assert empty.shape == (0, *shape[1:])
    two_axes = (
        jax.eval_shape(member.function, np.zeros((2, 3, *member.x), np.float32), *w) if name != "compat" else None
    )
    assert two_axes is None or two_axes.shape == (2, 3, *shape[1:])


compilations = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, duration_secs, **kwargs: compilations.append(event) if "backend_compile" in event else None
)


@pytest.mark.parametrize("name", NAMES)
def test_equal_shapes_compile_once(name: str) -> None:
    member = FAMILY[name]
    x, *w = (jnp.asarray(a) for a in arrays(member))
    other = x[::-1], *(v[::-1] for v in w)
    jax.block_until_ready(member.function(x, *w))
    before = len(compilations)
    jax.block_until_ready(member.function(*other))
    assert len(compilations) == before


def products(function: Any, *operands: Any) -> list[str]:
    """All matrix products of a lowered program, one line each."""
    lines = jax.jit(function).lower(*operands).as_text().splitlines()
    return [line for line in lines if "stablehlo.dot_general" in line]


@pytest.mark.parametrize("form", ["dense", "tiles", "diagonals"])
@pytest.mark.parametrize("operation", [minicnn.conv, minicnn.conv_transpose])
def test_precision_and_element_type_reach_every_product(operation: Any, form: str) -> None:
    options: dict[str, Any] = {"form": form, "precision": "highest", "preferred_element_type": jnp.float32}
    x, w = jnp.ones((2, 4, 4, 3), jnp.bfloat16), jnp.ones((2, 2, 3, 3), jnp.bfloat16)

    def value_and_gradients(x: Any, w: Any) -> Any:
        y, pull = jax.vjp(lambda x, w: operation(x, w, **options), x, w)
        return y, pull(jnp.ones_like(y))

    found = products(value_and_gradients, x, w)
    assert found
    assert all("precision = [HIGHEST, HIGHEST]" in product for product in found)
    assert operation(x, w, **options).dtype == jnp.float32
    assert all(product.endswith("xf32>") for product in products(lambda x, w: operation(x, w, **options), x, w))


def test_axes_of_size_1() -> None:
    x, w = jnp.full((1, 1, 1), 2.0), jnp.full((1, 1, 1, 1), 3.0)
    values = [
        minicnn.conv(x, w),
        minicnn.conv(x, w, padding_mode="replicate"),
        minicnn.conv_transpose(x, w),
        minicnn.local_conv(x, w[None, None]),
        minicnn.tiled_conv(x, w[None, None]),
    ]
    assert [float(y.squeeze()) for y in values] == [6.0] * 5
    pools = [
        minicnn.max_pool(x, (1, 1)),
        minicnn.avg_pool(x, (1, 1)),
        minicnn.lp_pool(x, (1, 1)),
        minicnn.adaptive_avg_pool(x, (1, 1)),
        minicnn.adaptive_max_pool(x, (2, 3)),
        minicnn.channel_pool(x, 1),
        minicnn.pad(x, ((0, 1), (1, 0)), "replicate"),
    ]
    assert all(bool((y == 2).all()) for y in pools)


@pytest.mark.long
@pytest.mark.parametrize("name", FAMILY)
def test_our_own_autodiff_gives_the_gradients_of_jax(name: str) -> None:
    member = FAMILY[name]
    values = [jnp.asarray(a) for a in arrays(member, batch=2)]
    for n, value in enumerate(values):
        y = lambda v, n=n: member.function(*values[:n], v, *values[n + 1 :])
        ours = autodiff.grad(lambda v, y=y: ops.sum(ops.power(y(v), 2)))(value)
        close(ours, jax.grad(lambda v, y=y: (y(v) ** 2).sum())(value))
