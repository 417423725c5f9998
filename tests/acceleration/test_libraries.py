"""Networks of every library, accelerated: the same values and gradients, and nothing of lax is left."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from tests.acceleration.test_plain import LAX, always, names
from tests.lift.compiling import once

# Averages of windows side by side are this one loop of XLA's with minicnn, too.
REPLACED = LAX - {"reduce_window_sum"}
Built = tuple[Callable[[Any, Any], Any], Any, Any]  # a function of parameters and inputs, and both


def drawn(*shape: int) -> Any:
    return jnp.asarray(np.random.default_rng(list(shape)).normal(size=shape), jnp.float32)


def linen() -> Built:
    nn = pytest.importorskip("flax.linen")

    class Block(nn.Module):
        @nn.compact
        def __call__(self, carry: Any, _: Any) -> Any:
            y = nn.relu(nn.Conv(4, (3, 3))(carry))
            return carry + nn.Conv(4, (3, 3), feature_group_count=4)(y), None

    class Net(nn.Module):
        """A stem, remat in a scan over two blocks, both pools, a transposed convolution."""

        @nn.compact
        def __call__(self, x: Any) -> Any:
            x = nn.max_pool(nn.Conv(4, (3, 3), (2, 2))(x), (3, 3), (2, 2), "SAME")
            blocks = nn.scan(nn.remat(Block), variable_axes={"params": 0}, split_rngs={"params": True}, length=2)
            x, _ = blocks()(x, None)
            x = nn.ConvTranspose(3, (3, 3), (2, 2))(x)
            return nn.Dense(2)(nn.avg_pool(nn.silu(x), (2, 2), (2, 2)).reshape(x.shape[0], -1))

    net, x = Net(), drawn(2, 12, 12, 3)
    return net.apply, net.init(jax.random.key(0), x), x


def nnx() -> Built:
    nnx: Any = pytest.importorskip("flax.nnx")

    class Net(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.conv = nnx.Conv(3, 4, (3, 3), padding="CIRCULAR", rngs=rngs)
            self.norm = nnx.BatchNorm(4, rngs=rngs)
            self.dense = nnx.Linear(16, 2, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.max_pool(nnx.gelu(self.norm(self.conv(x))), (2, 2), (2, 2))
            return self.dense(x.reshape(x.shape[0], -1))

    graph, params, rest = nnx.split(Net(nnx.Rngs(0)), nnx.Param, ...)
    return lambda both, x: nnx.merge(graph, *both)(x), (params, rest), drawn(2, 4, 4, 3)


def equinox() -> Built:
    eqx: Any = pytest.importorskip("equinox")

    class Net(eqx.Module):
        conv: Any
        up: Any
        max: Any
        average: Any
        act: Any = jax.nn.relu

        def __init__(self) -> None:
            first, second = jax.random.split(jax.random.key(0))
            self.conv = eqx.nn.Conv2d(3, 4, 3, padding=1, key=first)
            self.up = eqx.nn.ConvTranspose2d(4, 2, 3, stride=2, key=second)
            self.max, self.average = eqx.nn.MaxPool2d(2, 2), eqx.nn.AvgPool2d(3, 1)

        def __call__(self, x: Any) -> Any:
            return self.average(self.up(self.act(self.max(self.conv(x)))))

    return lambda net, x: jax.vmap(net)(x), Net(), drawn(2, 3, 6, 6)


def haiku() -> Built:
    hk: Any = pytest.importorskip("haiku")

    def f(x: Any) -> Any:
        x = jax.nn.relu(hk.Conv2D(4, 3)(x))
        x = hk.MaxPool((2, 2), (2, 2), "VALID")(hk.DepthwiseConv2D(1, 3)(x))
        return hk.Linear(2)(hk.Flatten()(hk.AvgPool((2, 2), (1, 1), "SAME")(x)))

    net, x = hk.without_apply_rng(hk.transform(f)), drawn(2, 6, 6, 3)
    return net.apply, net.init(jax.random.key(0), x), x


def close(ours: Any, theirs: Any) -> None:
    """Equal within the rounding of sums of a few hundred terms, which is relative to the largest number."""
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * max(1.0, float(np.abs(b).max())))


@pytest.mark.parametrize("build", [linen, nnx, equinox, haiku])
def test_values_and_gradients_are_the_networks_own(build: Callable[[], Built]) -> None:
    f, params, x = build()
    arrays, tree = jax.tree.flatten(params)
    varying = [n for n, leaf in enumerate(arrays) if isinstance(leaf, jax.Array)]

    def whole(floats: Any) -> Any:
        leaves = list(arrays)
        for n, leaf in zip(varying, floats, strict=True):
            leaves[n] = leaf
        return jax.tree.unflatten(tree, leaves)

    def step(of: Any, floats: Any, x: Any) -> Any:
        loss = lambda floats, x: (of(whole(floats), x) ** 2).mean()
        return jax.value_and_grad(loss, argnums=(0, 1))(floats, x)

    floats = [arrays[n] for n in varying]
    theirs = once(partial(step, f))(floats, x)
    inside, outside = partial(step, always(f)), always(partial(step, f))
    assert not names(inside, floats, x) & REPLACED
    assert not names(outside, floats, x) & REPLACED
    close(once(inside)(floats, x), theirs)
    close(once(outside)(floats, x), theirs)
    close(once(minicnn.accelerate(partial(step, f)))(floats, x), theirs)


def test_equinox_modules_are_functions_and_arguments() -> None:
    eqx: Any = pytest.importorskip("equinox")
    _, net, x = equinox()
    close(always(net)(x[0]), net(x[0]))
    of_model = always(lambda net, x: jax.vmap(net)(x))
    close(of_model(net, x), jax.vmap(net)(x))
    close(eqx.filter_jit(eqx.filter_grad(lambda net: of_model(net, x).sum()))(net),
          eqx.filter_jit(eqx.filter_grad(lambda net: jax.vmap(net)(x).sum()))(net))  # fmt: skip


def test_an_nnx_model_that_is_trained_is_read_anew() -> None:
    nnx: Any = pytest.importorskip("flax.nnx")
    net, x = nnx.Conv(1, 2, (3, 3), rngs=nnx.Rngs(0)), drawn(1, 5, 5, 1)
    fast = always(net)
    close(fast(x), net(x))
    net.kernel[...] = 2 * net.kernel[...]
    close(fast(x), net(x))
