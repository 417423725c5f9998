"""Networks in flax, haiku and equinox, lifted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from tests.lift.compiling import once
from tests.lift.test_models import check, without_transposes

pytest.importorskip("flax")

from tests.lift import networks

SHORT = {"linen LeNet": "float32", "nnx ResNet": "float32"}  # what is held each time; the others are in float64
CASES = [
    pytest.param(name, dtype, marks=() if SHORT.get(name, "float64") == dtype else pytest.mark.long)
    for name in networks.FLAX
    for dtype in ("float32", "float64")
]


@pytest.mark.parametrize("name, dtype", CASES)
def test_a_flax_network(name, dtype):
    with jax.enable_x64(dtype == "float64"):
        f, x = networks.FLAX[name](dtype)
        check(f, jnp.asarray(x, dtype))


def test_a_gpt_varies_with_its_parameters_and_its_tokens_are_constants():
    with jax.enable_x64(True):
        model, tokens = networks.GPT(), jnp.array([1, 5, 1])
        variables = jax.tree.map(lambda leaf: leaf.astype(float), once(model.init)(jax.random.key(0), tokens))
        with without_transposes():
            P = minicnn.lift(model.apply, variables, tokens, argnums=(0, 1))
            matrix = once(lambda P: P.matrix())(P)
        J = once(jax.jacrev(model.apply))(variables, tokens)
        expected = np.concatenate([np.reshape(leaf, (21, -1)) for leaf in jax.tree.leaves(J)], 1)
        np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-12)


def test_the_resnet18_of_the_paper_has_its_non_zeros_counted_without_a_matrix():
    model, x = networks.ResNet18(), jnp.zeros((1, 224, 224, 3))
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), shapes)
    table = minicnn.lift(lambda x: model.apply(variables, x), x).table()
    *convolutions, classifier = table.rows
    assert len(convolutions) == 20
    assert sum(row.nnz for row in convolutions) == 1_679_878_912
    assert sum(row.multiply_adds for row in convolutions) == 1_813_561_344
    assert (convolutions[0].name, convolutions[0].shape) == ("conv1", (802_816, 150_528))
    assert convolutions[0].nnz == 116_214_528
    assert convolutions[-1].reads == (435, 435)
    assert (classifier.name, classifier.nnz, classifier.parameters) == ("fc", 512_000, 513_000)
    assert table.total.nnz == 1_680_390_912


def test_the_lenet5_of_1998_has_its_connections():
    model, x = networks.LeNet5(), jnp.zeros((1, 32, 32, 1))
    variables = once(model.init)(jax.random.key(0), x)
    table = minicnn.lift(lambda x: model.apply(variables, x), x).table()
    connections = {row.name: row.connections for row in table.rows}
    assert connections == {
        "C1": 122_304,
        "S2": 5_880,
        "C3": 151_600,
        "S4": 2_000,
        "C5": 48_120,
        "F6": 10_164,
        "output": 840,
    }
    assert table.total.connections == 340_908
    assert table.rows[0].nnz == 117_600


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.long), "float64"])
def test_a_haiku_network(dtype):
    hk = pytest.importorskip("haiku")

    def forward(x):
        x = jax.nn.relu(hk.Conv2D(2, 3)(x))
        return hk.Linear(3)(hk.Flatten()(hk.MaxPool((2, 2, 1), (2, 2, 1), "VALID")(x)))

    model = hk.without_apply_rng(hk.transform(forward))
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4, 4, 1)), dtype)
        params = model.init(jax.random.key(0), x)
        P = check(lambda x: model.apply(params, x), x)
    assert [row.name for row in P.table().rows] == ["conv2_d", "linear"]
