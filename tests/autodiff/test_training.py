"""LeNet-5 learns the same from our gradients as from JAX's."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn import autodiff
from minicnn.nn.losses import cross_entropy
from minicnn.zoo import LeNet5

STEPS, BATCH, RATE = 200, 4, 0.05


@pytest.mark.parametrize("activation", ["relu", pytest.param("tanh", marks=pytest.mark.long)])
def test_lenet_trained_for_200_steps_has_the_same_parameters_with_both_engines(activation: str) -> None:
    """In float64, where two orders of summation stay close for 200 steps."""
    model = LeNet5(activation=activation)

    def step(engine: Any, params: Any, batch: tuple[Any, Any]) -> tuple[Any, Any]:
        loss = lambda params: cross_entropy(model.apply(params, batch[0]), batch[1])
        value, gradients = engine.value_and_grad(loss)(params)
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradients), value

    with jax.enable_x64(True):
        start = model.init(jax.random.key(0), (32, 32, 1), jnp.float64)
        images = jax.random.normal(jax.random.key(1), (STEPS, BATCH, 32, 32, 1), jnp.float64)
        labels = jax.random.randint(jax.random.key(2), (STEPS, BATCH), 0, 10)

        def compiled(engine: Any) -> Any:
            return jax.jit(lambda params, batch: step(engine, params, batch))

        steps = {"ours": compiled(autodiff), "theirs": compiled(jax)}
        states, losses = dict.fromkeys(steps, start), {name: [] for name in steps}
        for n in range(STEPS):
            for name, one in steps.items():
                states[name], value = one(states[name], (images[n], labels[n]))
                losses[name].append(float(value))
        assert all(
            float(jnp.abs(p - q).max()) > 1e-3
            for p, q in zip(jax.tree.leaves(start), jax.tree.leaves(states["ours"]), strict=True)
        )
        np.testing.assert_allclose(losses["ours"], losses["theirs"], rtol=1e-9)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-9), *states.values())


def test_a_lenet_program_is_the_lesson() -> None:
    model = LeNet5()
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), (32, 32, 1)))
    x = jnp.ones((1, 32, 32, 1))

    def programs(p: Any) -> Any:
        P = autodiff.make_program(lambda p: cross_entropy(model.apply(p, x), jnp.array([3])), p)
        return P, P.T, P.T.T

    forward, backward, again = map(str, jax.eval_shape(programs, params))
    assert "X(p.0.w)" not in forward
    assert "X(x)·p.0.ẇ" in forward
    assert "X(x)ᵀ·" in backward
    assert "C(p.3.w)·" in forward
    assert "C(p.3.w)ᵀ·" in backward
    assert again == forward
