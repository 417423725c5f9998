"""A function of plain JAX and the same function accelerated: on small integers not one bit differs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

import minicnn
from minicnn.acceleration.lax_form import Lax
from minicnn.axis import Axis
from minicnn.forms import Arithmetic, Geometry
from minicnn.forms.trilinear import convolve, correlate
from tests.lift import cases
from tests.lift.compiling import once
from tests.processors import oracles_on_a_cpu

always = partial(minicnn.accelerate, when="always")


def integers(seed: int, *shape: int, dtype: Any = np.float32) -> Any:
    return jnp.asarray(np.random.default_rng([seed, *shape]).integers(-3, 4, shape), dtype)


X, W = integers(0, 2, 6, 5, 2), integers(1, 3, 2, 2, 4)


def conv(x: Any, w: Any, **options: Any) -> Any:
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), **options)


def max_pool(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 1, 1), "SAME")


def untied_pool(x: Any) -> Any:
    """A maximum of which no two are alike: there lax takes the first in reverse mode, and any in forward mode."""
    return max_pool(8 * x + (jnp.arange(x.size) % 7).reshape(x.shape))


def sum_pool(x: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 1, 1), "SAME")


def network(x: Any, w: Any) -> Any:
    return sum_pool(untied_pool(conv(x, w)))


def tied(x: Any, w: Any) -> Any:
    return sum_pool(max_pool(conv(x, w)))


def same(ours: Any, theirs: Any) -> None:
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert (a.dtype, getattr(a, "weak_type", None)) == (b.dtype, getattr(b, "weak_type", None))
        np.testing.assert_array_equal(a, b)


def names(f: Callable[..., Any], *args: Any) -> set[str]:
    """The primitives of a function, those of inner ones included."""
    return {word.split("[")[0] for word in str(jax.make_jaxpr(f)(*args)).split()}


LAX = {"conv_general_dilated", "reduce_window_max", "reduce_window_sum", "select_and_scatter_add"}


@jax.custom_jvp
def with_jvp(x: Any, w: Any) -> Any:
    return conv(x, w)


@with_jvp.defjvp
def _twice(primals: Any, tangents: Any) -> Any:
    """Twice the derivative, so that one sees which rule was used."""
    (x, w), (x_dot, w_dot) = primals, tangents
    return with_jvp(x, w), 2 * (conv(x_dot, w) + conv(x, w_dot))


@jax.custom_vjp
def with_vjp(x: Any, w: Any) -> Any:
    return conv(x, w)


with_vjp.defvjp(
    lambda x, w: (conv(x, w), (x, w)),
    lambda kept, y_bar: tuple(3 * a for a in jax.vjp(conv, *kept)[1](y_bar)),
)


def scanned(x: Any, w: Any) -> Any:
    return lax.scan(lambda x, w: (x + conv(x, w)[..., :2], untied_pool(x)), x, jnp.stack([w, -w]))


def looped(x: Any, w: Any) -> Any:
    """A while loop whose condition holds a pool."""
    more = lambda state: (state[0] < 2) & (max_pool(state[1]).max() < 1e6)
    return lax.while_loop(more, lambda state: (state[0] + 1, conv(state[1], w)[..., :2]), (0, x))[1]


PROGRAMS: dict[str, Callable[[Any, Any], Any]] = {
    "plain": network,
    "jit": jax.jit(network),
    "jit in jit": jax.jit(lambda x, w: jax.jit(network)(x + 1, w)),
    "scan": scanned,
    "fori_loop": lambda x, w: lax.fori_loop(0, 2, lambda _, x: conv(x, w)[..., :2], x),
    "cond": lambda x, w: lax.cond(x.sum() > 0, network, lambda x, w: -network(x, w), x, w),
    "switch": lambda x, w: lax.switch(jnp.int32(5), [network, lambda x, w: network(2 * x, w)], x, w),
    "checkpoint": jax.checkpoint(network),
    "checkpoint with a policy": jax.checkpoint(
        network, policy=jax.checkpoint_policies.dots_saveable, prevent_cse=False
    ),
    "custom_jvp": with_jvp,
    "custom_vjp": with_vjp,
    "custom_jvp in jit in scan": lambda x, w: lax.scan(
        lambda x, _: (jax.jit(with_jvp)(x, w)[..., :2], None), x, length=2
    )[0],
    "vmap": lambda x, w: jax.vmap(conv, in_axes=(None, 0))(x, jnp.stack([w, 2 * w])),
    "vmap with an axis name": lambda x, w: jax.vmap(lambda x: lax.psum(jax.jit(conv)(x, w), "i"), axis_name="i")(
        jnp.stack([x, 2 * x])
    ),
    "NCHW": lambda x, w: untied_pool(lax.conv(x.transpose(0, 3, 1, 2), w.transpose(3, 2, 0, 1), (2, 1), "VALID")),
    "transposed": lambda x, w: lax.conv_transpose(x, w, (2, 2), "SAME"),
    "grouped": lambda x, w: conv(x, w[:, :, :1], feature_group_count=2),
    "groups of images": lambda x, w: conv(x, w, batch_group_count=2),
    "no axes": lambda x, w: lax.conv_general_dilated(x[:, 0, 0], w[0, 0].T, (), "VALID"),
    "ties": tied,
    "an effect": lambda x, w: (jax.debug.callback(lambda: None), network(x, w))[1],
}
EAGER = {"while": looped}  # JAX has no reverse mode for it


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [*PROGRAMS, *EAGER])
def test_values_are_those_of_the_function(name: str) -> None:
    f = (PROGRAMS | EAGER)[name]
    fast = always(f)
    same(fast(X, W), f(X, W))
    same(jax.jit(fast)(X, W), f(X, W))
    if name != "no axes":
        assert not names(fast, X, W) & LAX


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_the_function(name: str) -> None:
    """Accelerated and then differentiated, and the other way round, in reverse and in forward mode."""
    f = PROGRAMS[name]

    def loss(f: Any, x: Any, w: Any) -> Any:
        leaves = jax.tree.leaves(f(x, w))
        return sum((leaf * (jnp.arange(leaf.size) % 3).reshape(leaf.shape)).sum() for leaf in leaves)

    def gradients(f: Any, x: Any, w: Any) -> Any:
        return jax.grad(partial(loss, f), argnums=(0, 1))(x, w)

    theirs = once(partial(gradients, f))(X, W)
    same(once(partial(gradients, always(f)))(X, W), theirs)
    same(once(always(partial(gradients, f)))(X, W), theirs)
    if name in ("custom_vjp", "ties"):
        return
    tangent = lambda f, x, w: jax.jvp(f, (x, w), (w.sum() + x, 2 * w))[1]
    forward = once(partial(tangent, f))(X, W)
    same(once(partial(tangent, always(f)))(X, W), forward)
    same(once(always(partial(tangent, f)))(X, W), forward)


def test_the_gradient_of_the_gradient() -> None:
    def second(f: Any, x: Any) -> Any:
        slope = lambda x: jax.grad(lambda x: (f(x, W) ** 2).sum())(x)
        return jax.grad(lambda x: (slope(x) * x).sum())(x)

    theirs = once(partial(second, tied))(X)
    same(once(partial(second, always(tied)))(X), theirs)
    same(once(always(partial(second, tied)))(X), theirs)
    slope = always(lambda x: jax.grad(lambda x: (tied(x, W) ** 2).sum())(x))
    same(once(jax.grad(lambda x: (slope(x) * x).sum()))(X), theirs)


def test_mapped_over_images_and_over_kernels() -> None:
    xs, ws = jnp.stack([X, -X, 2 * X]), jnp.stack([W, 3 * W, W])
    for axes in ((0, None), (None, 0), (0, 0)):
        x, w = (many if axis == 0 else one for many, one, axis in zip((xs, ws), (X, W), axes, strict=True))
        same(once(jax.vmap(always(network), axes))(x, w), once(jax.vmap(network, axes))(x, w))
        same(once(always(jax.vmap(network, axes)))(x, w), once(jax.vmap(network, axes))(x, w))


LINEAR = ["conv_general_dilated", "reduce_window_sum", "select_and_scatter_add"]


@given(st.data(), st.sampled_from(LINEAR), st.sampled_from(["gain", "always"]))
def test_every_convolution_and_pool_of_lax(data: Any, name: str, when: Any) -> None:
    """Any order of axes, groups, strides, dilations and padding, and what has no part in it: shapes are drawn."""
    f, shape = cases.CASES[name](data.draw)
    x = integers(0, *shape)
    same(once(minicnn.accelerate(f, when=when))(x), once(f)(x))


@given(st.data(), st.booleans())
def test_maxima_of_any_windows(data: Any, integer: bool) -> None:
    shape = tuple(n + 1 for n in data.draw(cases.shapes))
    options = {**cases.windows(data.draw, len(shape)), **cases.dilated(data.draw, len(shape))}
    lowest = jnp.iinfo(jnp.int32).min if integer else -jnp.inf
    f = lambda x: lax.reduce_window(x, jnp.asarray(lowest, x.dtype), lax.max, **options)
    x = integers(0, *shape, dtype=np.int32 if integer else np.float32)
    same(once(always(f))(x), once(f)(x))


@given(st.data(), st.integers(1, 2))
def test_lax_as_a_form_is_the_relation(data: Any, groups: int) -> None:
    """Both products on axes of any sign, against the form that holds all of C."""
    from minicnn.forms import Dense

    axes = tuple(
        Axis(*(data.draw(st.integers(1, 4)) for _ in range(4)), data.draw(st.sampled_from([-2, -1, 1, 2])),
             data.draw(st.integers(1, 3)), data.draw(st.integers(-3, 3)))
        for _ in range(data.draw(st.integers(1, 2)))
    )  # fmt: skip
    geometry = Geometry(axes, groups, 2 * groups, groups)
    x, y = integers(0, 2, *geometry.in_shape), integers(1, 2, *geometry.out_shape)
    w = integers(2, *geometry.w_shape)
    for product, operands in ((convolve, (x, w)), (correlate, (x, y))):
        ours, theirs = (once(partial(product, geometry=geometry, form=form, arithmetic=Arithmetic()))(*operands)
                        for form in (Lax(), Dense()))  # fmt: skip
        same(ours, theirs)


@pytest.mark.parametrize("dtype", ["int8", "int32", "bfloat16", "float16", "complex64"])
def test_dtypes_stay(dtype: str) -> None:
    x, w = X.astype(dtype), W.astype(dtype)
    for f in (conv, partial(conv, preferred_element_type="int32" if dtype.startswith("int") else None)):
        with oracles_on_a_cpu():
            theirs = f(x, w)
        same(always(f)(x, w), theirs)


def test_double_precision() -> None:
    with jax.enable_x64(True):
        x, w = (jnp.asarray(np.random.default_rng(0).normal(size=a.shape)) for a in (X, W))
        ours, theirs = always(network)(x, w), network(x, w)
        assert ours.dtype == theirs.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("f", [with_jvp, with_vjp, jax.checkpoint(network), jax.jit(network), network])
def test_rules_of_ones_own_are_replaced_too(f: Any) -> None:
    """Not only what a function computes: also what its rule for derivatives does."""
    loss = lambda x, w: always(f)(x, w).sum()
    assert not names(jax.grad(loss, argnums=(0, 1)), X, W) & LAX
