"""An accelerated function is called as the function is: any leaves, closures, methods, keys, effects, meshes."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export, lax
from jax.sharding import AxisType

import minicnn
from minicnn.acceleration.cheapest import Cheapest
from minicnn.acceleration.decision import Setting
from minicnn.acceleration.replacements import decide
from minicnn.forms import Geometry
from minicnn.forms.resolve import windows
from tests.acceleration.test_plain import LAX, W, X, always, conv, names, network, same
from tests.processors import on_a_cpu


def traces(f: Any) -> tuple[Any, list[int]]:
    """A function, and a list that grows when it is traced."""
    seen: list[int] = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        seen.append(len(seen))
        return f(*args, **kwargs)

    return counted, seen


def test_traced_once_for_each_signature() -> None:
    f, seen = traces(lambda x, w, scale=1.0: scale * conv(x, w))
    fast = always(f)
    for x in (X, X + 1, np.asarray(X)):
        fast(x, W)
    assert len(seen) == 1
    fast(X[:1], W)
    fast(X, W, scale=2.0)
    fast(X, W, scale=2.0)
    assert len(seen) == 3
    jax.jit(fast)(X, W)
    jax.grad(lambda w: fast(X, w).sum())(W)
    assert len(seen) == 3
    fast(X, W, scale=2)  # another type, and so another result in general
    assert len(seen) == 4


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_leaves_that_differ_in_sign_only_are_different(zero: float) -> None:
    fast = always(lambda x, zero: x / zero)
    np.testing.assert_array_equal(fast(X, -zero), X / -zero if zero else X / jnp.float32(-zero))


def test_any_leaves_pass_both_ways() -> None:
    def f(tree: Any, name: str, *, train: bool) -> Any:
        assert (name, train, tree["size"]) == ("net", True, 2)
        return {
            "y": tree["act"](conv(tree["x"], tree["w"]))[..., : tree["size"]],
            "name": name,
            "act": tree["act"],
            "none": None,
        }

    tree = {"x": X, "w": W, "act": jnp.tanh, "size": 2}
    ours, theirs = always(f)(tree, "net", train=True), f(tree, "net", train=True)
    assert ours.keys() == theirs.keys()
    assert (ours["name"], ours["act"], ours["none"]) == ("net", jnp.tanh, None)
    np.testing.assert_allclose(ours["y"], theirs["y"], rtol=1e-6)


def test_a_leaf_that_cannot_be_hashed_is_read_anew() -> None:
    class Changing:
        __hash__ = None  # pyright: ignore[reportAssignmentType]
        value = 1.0

        def __eq__(self, other: object) -> bool:
            return True

    leaf, fast = Changing(), always(lambda x, leaf: leaf.value * x)
    same(fast(X, leaf), X)
    leaf.value = 2.0
    same(fast(X, leaf), 2.0 * X)


def test_arrays_that_are_no_arguments_may_change() -> None:
    held = {"w": W, "scale": jnp.float32(2)}
    fast = always(lambda x: held["scale"] * conv(x, held["w"]))
    same(fast(X), 2 * conv(X, W))
    held["w"] = 2 * W
    same(fast(X), 4 * conv(X, W))
    held["scale"] = jnp.float32(1)
    same(fast(X), 2 * conv(X, W))


def test_closed_over_tracers() -> None:
    loss = lambda of, w: of(lambda x: network(x, w))(X).sum()
    same(jax.grad(partial(loss, always))(W), jax.grad(partial(loss, lambda f: f))(W))
    same(
        jax.vmap(partial(loss, always))(jnp.stack([W, 2 * W])),
        jnp.stack([network(X, W).sum(), network(X, 2 * W).sum()]),
    )


def test_a_method() -> None:
    class Layer:
        def __init__(self, w: Any) -> None:
            self.w = w

        @partial(minicnn.accelerate, when="always")
        def __call__(self, x: Any) -> Any:
            """Convolve."""
            return conv(x, self.w)

    same(Layer(W)(X), conv(X, W))
    assert Layer.__call__.__doc__ == "Convolve."


def test_typed_keys_and_integers() -> None:
    def f(key: Any, x: Any, n: Any) -> Any:
        return jax.random.split(key)[0], conv(x + n, W) * jax.random.bernoulli(key, 0.5, (4,)), n + 1

    key = jax.random.key(0)
    ours, theirs = always(f)(key, X, jnp.int32(2)), f(key, X, jnp.int32(2))
    same(jax.random.key_data(ours[0]), jax.random.key_data(theirs[0]))
    same(ours[1:], theirs[1:])


def test_donated_arguments_and_inner_donation() -> None:
    fast = jax.jit(always(lambda x, w: (x + conv(x, w)[..., :2], w)), donate_argnums=0)
    same(fast(X + 0, W), (X + conv(X, W)[..., :2], W))
    inner = jax.jit(lambda x, w: x + conv(x, w)[..., :2], donate_argnums=0)
    same(always(lambda x, w: inner(x + 1, w))(X, W), X + 1 + conv(X + 1, W)[..., :2])


def test_effects_happen() -> None:
    seen = []

    def f(x: Any) -> Any:
        y = conv(x, W)
        jax.debug.callback(lambda total: seen.append(float(total)), y.sum(), ordered=True)
        return lax.scan(lambda c, _: (c + conv(x, W).sum(), jax.debug.callback(seen.append, c)), 0.0, length=2)[0]

    y = jax.jit(always(f))(X)
    jax.block_until_ready(y)
    jax.effects_barrier()
    assert len(seen) == 3


def test_inner_compiled_functions_are_compiled_once() -> None:
    inner = jax.jit(lambda x, w: network(x, w))
    fast, compiled = always(lambda x: inner(x, W)), []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: compiled.append(name) if name.endswith("backend_compile_duration") else None
    )
    another = X + 1
    fast(X)
    compiled.clear()
    fast(X)
    fast(another)
    assert not compiled


needs_meshes = pytest.mark.skipif(not hasattr(jax, "set_mesh"), reason="meshes as types came with later JAX")


@needs_meshes
def test_on_a_mesh() -> None:
    mesh, spec = jax.make_mesh((1,), ("i",), axis_types=(AxisType.Auto,)), jax.sharding.PartitionSpec
    f = jax.shard_map(
        lambda x, w: lax.psum(network(x, w), "i"), mesh=mesh, in_specs=(spec("i"), spec()), out_specs=spec()
    )
    fast = always(f)
    assert not names(fast, X, W) & LAX
    same(jax.jit(fast)(X, W), jax.jit(f)(X, W))
    g = lambda f: jax.jit(jax.grad(lambda w: f(X, w).sum()))
    same(g(fast)(W), g(f)(W))
    inside = jax.shard_map(
        always(lambda x, w: lax.psum(network(x, w), "i")), mesh=mesh, in_specs=(spec("i"), spec()), out_specs=spec()
    )
    same(jax.jit(inside)(X, W), jax.jit(f)(X, W))


@needs_meshes
def test_on_an_explicit_mesh() -> None:
    mesh = jax.make_mesh((1,), ("i",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(X, jax.NamedSharding(mesh, jax.sharding.PartitionSpec("i")))
        ours, theirs = (jax.jit(f)(x, W) for f in (always(conv), conv))
        assert ours.sharding.is_equivalent_to(theirs.sharding, 4)
        same(ours, theirs)


def test_what_is_left_says_why() -> None:
    def f(x: Any, w: Any) -> Any:
        low = lax.reduce_window(x, jnp.inf, lax.min, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")
        padded = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 1, 1), (1, 1, 1, 1), [(0, 0), (1, 0), (0, 0), (0, 0)])
        weak = lax.reduce_window(jnp.full((4,), 2.0), -jnp.inf, lax.max, (2,), (1,), "VALID")
        return (
            low,
            padded,
            weak,
            conv(x[:0], w),
            conv(x.astype(jnp.float8_e4m3fn), w.astype(jnp.float8_e4m3fn)),
            conv(x, w),
        )

    fast = always(f)
    listing = fast.replaced(X, W)
    assert (listing.replaced, listing.left) == (1, 4)
    said = [row.by for row in listing.rows]
    for why in ("wholly in the padding", "nothing to convolve", "float8_e4m3fn are left", "float32 are left", "y "):
        assert any(why in one for one in said), why
    assert str(listing).endswith("1 of 5 are replaced")
    same(fast(X, W), f(X, W))


def test_a_listing_enters_calls_and_computes_nothing() -> None:
    f = jax.jit(lambda x: lax.scan(lambda x, _: (conv(x, W)[..., :2], None), x, length=2)[0])
    listing = always(f).replaced(jax.ShapeDtypeStruct(X.shape, X.dtype))
    (row,) = listing.rows
    assert row.primitive == "conv_general_dilated"
    assert row.shapes == "2×6×5×2, 3×2×2×4 → 2×6×5×4"
    assert row.name.startswith("test_plain.py:")
    assert str(always(jnp.tanh).replaced(X)) == "0 of 0 are replaced"


def decided(f: Any, *args: Any, setting: Setting) -> list[bool]:
    equations = jax.make_jaxpr(f)(*args).jaxpr.eqns
    found = (decide(equation, setting) for equation in equations)
    return [one.apply is not None for one in found if one is not None]


def test_gpus_are_left_to_lax_unless_one_asks() -> None:
    assert decided(conv, X, W, setting=Setting(accelerator=True)) == [False]
    assert decided(conv, X, W, setting=Setting(accelerator=True, always=True)) == [True]
    assert decided(conv, X.astype(int), W.astype(int), setting=Setting(accelerator=True)) == [True]


@on_a_cpu
@pytest.mark.parametrize("dtype, left_to_lax", [("float32", True), ("int8", False), ("int32", False)])
def test_what_is_lowered_for_a_gpu_is_left_to_lax_but_for_integers(dtype: str, left_to_lax: bool) -> None:
    """Also where it was traced for a CPU, as in an export. Integers are refused by cuDNN."""
    depthwise = minicnn.accelerate(partial(conv, feature_group_count=8))
    shapes = [jax.ShapeDtypeStruct(shape, dtype) for shape in ((4, 28, 28, 8), (3, 3, 1, 8))]
    for platform, left in (("cpu", False), ("cuda", left_to_lax)):
        module = export.export(jax.jit(depthwise), platforms=[platform])(*shapes).mlir_module()
        assert ("stablehlo.convolution" in module) == left


def test_depthwise_gains_and_a_large_plain_convolution_does_not() -> None:
    """What the model of lax was fitted to: 23 times as long as ours, and 0.6 times for the strided stem."""
    depthwise = Geometry(windows((3, 3), (56, 56), 1, "SAME", 1), 64, 64, 64)
    stem = Geometry(windows((7, 7), (224, 224), 2, 3, 1), 3, 64)
    float32 = jnp.dtype("float32")
    assert type(Cheapest().settled(depthwise, 16, float32)).__name__ != "Lax"
    assert type(Cheapest().settled(stem, 4, float32)).__name__ == "Lax"
    assert type(Cheapest().settled(stem.T, 4, float32)).__name__ != "Lax"


def test_in_a_loop_everything_gains() -> None:
    x, w = jnp.ones((4, 224, 224, 3)), jnp.ones((7, 7, 3, 64))
    plain = lambda x, w: lax.conv_general_dilated(x, w, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    looped = lambda x, w: lax.map(lambda w: plain(x, w), w[None])
    (row,) = minicnn.accelerate(looped).replaced(x, w).rows
    assert "lax" not in row.by


@pytest.mark.parametrize(("f", "when", "error"), [(1, "gain", TypeError), (conv, "often", ValueError)])
def test_refused(f: Any, when: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"`f`|`when`"):
        minicnn.accelerate(f, when=when)


def test_values_cannot_be_looked_at() -> None:
    with pytest.raises(jax.errors.ConcretizationTypeError):
        always(lambda x: x if x.sum() > 0 else -x)(X)
