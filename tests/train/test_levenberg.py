"""Second derivatives go back through squared matrices; each weight's step is divided by μ + h."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from minicnn import nn
from minicnn.nn import losses
from minicnn.train import levenberg
from minicnn.train.levenberg import levenberg_marquardt

second_derivatives = jax.jit(levenberg.second_derivatives, static_argnums=(0, 1))
KEY = jax.random.key(0)
MODEL = nn.Sequential(
    (
        nn.Conv(3, (2, 2), mask=((1, 0, 1), (1, 1, 0))),
        nn.Activation("lecun_tanh"),
        nn.MaxPool((2, 2)),
        nn.Flatten(),
        nn.Dense(4),
        nn.Activation("tanh"),
        nn.Dense(3),
    )
)


def test_each_matrix_is_squared_entry_by_entry():
    with jax.enable_x64(True):
        check_squares()


def check_squares() -> None:
    params = MODEL.init(KEY, (5, 5, 2), float)
    x, label = jax.random.normal(KEY, (5, 5, 2), float), jnp.array(1)
    found = second_derivatives(MODEL, losses.cross_entropy, params, x[None], label[None])
    steps = list(MODEL.steps(params, x))
    h = np.diagonal(jax.hessian(losses.cross_entropy)(steps[-1].output, label))
    for step, own in zip(reversed(steps), reversed(found), strict=True):
        if "w" in own:
            X = step.layer.weight_map(step.params, step.input)
            assert X is not None
            np.testing.assert_allclose(own["w"].ravel(), np.asarray(X.matrix()).T ** 2 @ h, rtol=1e-12)
            np.testing.assert_allclose(own["b"], h.reshape(-1, own["b"].size).sum(0), rtol=1e-12)
        h = np.asarray(step.map_at().matrix()).T ** 2 @ h


def test_shared_weights_of_subsampling_add_the_squares_of_their_inputs():
    model = nn.Sequential((nn.Subsample((2, 2)), nn.Flatten()))
    params = model.init(KEY, (4, 4, 1))
    x = jnp.arange(16.0).reshape(4, 4, 1)
    half_square = lambda y, label: 0.5 * jnp.sum(y**2)
    found = second_derivatives(model, half_square, params, x[None], jnp.array([0]))
    np.testing.assert_allclose(found[0]["w"], [(x**2).sum()])
    np.testing.assert_allclose(found[0]["b"], [4])


def test_distances_and_their_loss_are_taken_together():
    model = nn.Sequential((nn.Dense(2, bias=False), nn.Rbf(((1, 1), (-1, -1)))))
    params = ({"w": jnp.eye(2)}, {})
    found = second_derivatives(model, losses.competitive, params, jnp.array([[9.0, 9.0]]), jnp.array([0]))
    np.testing.assert_allclose(found[0]["w"], np.full((2, 2), 2 * 81), rtol=1e-5)


def test_images_are_averaged():
    params = MODEL.init(KEY, (5, 5, 2))
    x, labels = jax.random.normal(KEY, (2, 5, 5, 2)), jnp.array([0, 2])
    one = lambda n: second_derivatives(MODEL, losses.cross_entropy, params, x[n : n + 1], labels[n : n + 1])
    both = second_derivatives(MODEL, losses.cross_entropy, params, x, labels)
    jax.tree.map(lambda a, b, c: np.testing.assert_allclose((a + b) / 2, c, rtol=1e-4, atol=1e-6), one(0), one(1), both)


def test_it_goes_straight_to_the_minimum_of_a_separable_parabola():
    curvature = jnp.array([4.0, 0.25])
    transformation = levenberg_marquardt(lambda step: 1.0, mu=0.0)
    x = jnp.array([3.0, -2.0])
    state = transformation.init(x)._replace(h=curvature)
    step, state = transformation.update(curvature * x, state)
    np.testing.assert_allclose(optax.apply_updates(x, step), 0, atol=1e-6)
    assert state.done == 1


def test_the_rate_follows_its_schedule_and_a_batch_counts_its_images():
    transformation = levenberg_marquardt(lambda step: jnp.where(step < 1, 0.5, 0.1), batch=8, mu=1.0)
    state = transformation.init(jnp.zeros(()))
    steps = []
    for _ in range(2):
        step, state = transformation.update(jnp.array(1.0), state)
        steps.append(float(step))
    np.testing.assert_allclose(steps, [-4.0, -0.8])


def test_a_layer_without_a_rule_is_named():
    model = nn.Sequential((nn.AvgPool((2, 2)), nn.Flatten()))
    with pytest.raises(TypeError, match="AvgPool has no rule for second derivatives"):
        second_derivatives(
            model, losses.cross_entropy, model.init(KEY, (2, 2, 1)), jnp.zeros((1, 2, 2, 1)), jnp.zeros(1)
        )
