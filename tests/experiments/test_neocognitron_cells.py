"""The Neocognitron's cells against values computed by hand and against loops, and which cells are seeds."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.neocognitron_cells import area, c_cell, c_layer, root_mean_square, s_cell, s_layer
from experiments.neocognitron_network import seed_cells

EPSILON = 2.0**-21  # a few roundings of single precision


@pytest.mark.parametrize(
    ("excitation", "inhibition", "r", "by_hand"),
    [
        (0, 0, 4, 0),  # 4·(1/1 − 1)
        (3, 0, 4, 12),  # 4·(4/1 − 1)
        (3, 0.5, 1, 5 / 3),  # 1·(4/1.5 − 1)
        (2, 1, 4, 4 * (3 / 2.6 - 1)),  # 2r/(1 + r) = 1.6
        (2, 5 / 4, 1.5, 1.5 * (3 / 2.5 - 1)),  # 2r/(1 + r) = 1.2
        (1, 2, 1, 0),  # 2/3 − 1 is below 0
    ],
)
def test_an_s_cell_is_computed_by_hand(excitation: float, inhibition: float, r: float, by_hand: float) -> None:
    assert float(s_cell(excitation, inhibition, r)) == pytest.approx(by_hand, rel=8 * EPSILON)


@pytest.mark.parametrize(
    ("excitation", "inhibition", "by_hand"),
    [(0, 0, 0), (1, 0, 2 / 3), (2, 0.5, 2 / 3), (5, 1, 4 / 5), (1, 2, 0)],  # x/(1/2 + x) for x = 0, 1, 1, 2, −1/3
)
def test_a_c_cell_is_computed_by_hand(excitation: float, inhibition: float, by_hand: float) -> None:
    assert float(c_cell(excitation, inhibition, 0.5)) == pytest.approx(by_hand, rel=EPSILON)


def test_the_inhibiting_cell_is_a_root_mean_square_over_all_planes() -> None:
    u = jnp.asarray(np.random.default_rng(0).random((4, 4, 3)), jnp.float32)
    c = area(3, 0.5)
    looped = [
        [np.sqrt(sum((c[..., None] / 3 * np.asarray(u[y : y + 3, x : x + 3]) ** 2).ravel())) for x in range(2)]
        for y in range(2)
    ]
    np.testing.assert_allclose(root_mean_square(u, c, 0)[..., 0], looped, rtol=8 * EPSILON)
    np.testing.assert_allclose(root_mean_square(jnp.full((5, 5, 7), 2.0), area(5, 0.67), 0), 2, rtol=8 * EPSILON)


def test_weights_of_an_area_fall_from_the_middle_and_add_up_to_one() -> None:
    weights = area(5, 0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[2, 3] / weights[2, 2] == pytest.approx(0.5)
    assert weights[2, 4] / weights[2, 2] == pytest.approx(0.25)


def test_a_cell_that_has_learned_a_pattern_answers_one_to_it_and_nothing_to_an_unlike_one() -> None:
    c = area(5, 0.67)
    bar = jnp.zeros((5, 5, 1)).at[:, 2].set(1)
    _, v = s_layer(bar, jnp.zeros((5, 5, 1, 1)), jnp.zeros(1), c, 4, 0)
    a, b = 1e4 * c[..., None, None] * bar[..., None], jnp.asarray([1e4 / 2 * v.item()])
    assert s_layer(bar, a, b, c, 4, 0)[0].item() == pytest.approx(1, abs=1e-2)
    assert s_layer(bar.swapaxes(0, 1), a, b, c, 4, 0)[0].item() == 0


def test_the_mean_over_planes_inhibits_a_c_cell() -> None:
    s = jnp.zeros((2, 2, 2)).at[0, 0, 0].set(4.0)
    d = jnp.full((2, 2), 0.25)
    # Σ d·u is 1 and 0, its mean 1/2: (1 + 1)/(1 + 1/2) − 1 = 1/3, and 1/3/(1/2 + 1/3) = 2/5.
    np.testing.assert_allclose(c_layer(s, d, 0.5, 0).ravel(), [0.4, 0], rtol=8 * EPSILON)


def test_seed_cells_are_the_largest_of_their_columns_and_the_largest_of_those_in_a_plane() -> None:
    s = jnp.zeros((7, 7, 3))
    s = s.at[0, 0, 0].set(2.0).at[6, 6, 0].set(3.0)  # two candidates of one plane: the larger is its seed
    s = s.at[6, 6, 1].set(2.5)  # lies only in columns that hold the 3: no candidate
    s = s.at[6, 3, 2].set(1.0)  # the 3 is in a square of 5 with it, but not in each of them
    at, chosen = seed_cells(s, 5)
    assert chosen.tolist() == [True, False, True]
    assert [divmod(int(at[plane]), 7) for plane in (0, 2)] == [(6, 6), (6, 3)]
