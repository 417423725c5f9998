"""Is a pool a dense layer with an infinitely strong prior of invariance?

A readout of detectors has a weight for each of them at each position. Behind a mean pool the positions of one window
share theirs: these readouts are a subspace, and the projection Π on it, means within windows, is the mean over all
moves within a window; for a pool of the whole signal, over all shifts. It is a projection in integers, and a larger
pool's is inside a smaller one's. A readout is then trained under ½·λ·‖v − Πv‖². As λ grows it goes to the readout
behind the pool, as 1/λ. If the target is the same wherever a feature is, fewer weights are learned better. If the
target tells the left half from the right, pools up to one half are still right; that of the whole underfits.

That a right prior, or a pool of one half, halves the error on new data is a bound of our own.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.4: "the use of pooling is an infinitely strong prior
that each unit should be invariant to small translations", and pools that underfit where precise positions matter;
Nocedal & Wright, *Numerical Optimization* (2006), section 17.1, for quadratic penalties.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, differs, equal
from experiments.soft_priors import STRENGTHS, Data, Trial, by_strength, curves, limit_claims, strength_name, trial
from experiments.subspaces import projection, projection_claims, whole_projection
from minicnn.maps import LinearMap

ROWS = (59,)
SMALL = {"seeds": 2, "steps": 1_000}
FULL = {"seeds": 20, "steps": 4_000}

PERIODIC: dict[str, Any] = {"padding": "SAME", "padding_mode": "circular"}
# Shapes of the features and of the window.
CASES = {
    "2 of 8": ((8, 1), (2,)),
    "8 of 8, 2 channels": ((8, 2), (8,)),
    "2 × 2 of 4 × 6": ((4, 6, 1), (2, 2)),
    "3 × 3 of 6 × 6": ((6, 6, 1), (3, 3)),
    "4 × 4 of 4 × 4, 2 channels": ((4, 4, 2), (4, 4)),
}

POSITIONS = 16
DETECTORS = np.array([[1, 0], [-1, 1], [0, 1]], np.float64)[:, None]  # an edge and a blur
WINDOWS = (1, 2, 4, 8, 16)
EXAMPLES = 10 * POSITIONS
NOISE = 1.0
TARGETS = ("the same everywhere", "tells halves apart")


def run(seeds: int = 5, steps: int = 2_000, seed: int = 0) -> Result:
    """Project, then train under the prior.

    Args:
        seeds: data sets that are drawn.
        steps: of training, for each strength of the prior.
        seed: of the first data set.
    """
    maps = {name: weights_behind_pool(*case) for name, case in CASES.items()}
    claims = projection_claims(maps, [prod(B.in_shape) for B in maps.values()], seed)
    claims += [*_moves(), *_network(seed)]
    with jax.enable_x64(True):
        draws = [[_draw(sided, seed + n) for n in range(seeds)] for sided in (False, True)]
        right, wrong = ([_trial(data, steps) for data in drawn] for drawn in draws)
        pools = np.array([np.mean([_errors_behind_pools(data) for data in drawn], 0) for drawn in draws])
    claims += limit_claims(right + wrong, "least squares without and with a penalty, and behind the pool")
    claims += _errors(right, wrong, pools)
    errors = f"error, target {TARGETS[0]}", f"error, target {TARGETS[1]}"
    sizes = [(k, 2 * POSITIONS // k, *both) for k, both in zip(WINDOWS, pools.T, strict=True)]
    tables = (
        by_strength(right, wrong, "the pool's readout", errors),
        Table(
            "Behind a pool; where it is right, only noise is left, which both targets share",
            ("window", "weights", *errors),
            tuple(sizes),
        ),
    )
    return Result(
        claims, tables, (_readouts(right[0].weights, pools), curves(right, wrong, "the pool's readout", TARGETS))
    )


def weights_behind_pool(in_shape: tuple[int, ...], window: tuple[int, ...]) -> LinearMap:
    """The map B from a readout behind a pool to the same readout before it, one weight for a whole window."""
    return (prod(window) * minicnn.avg_pool_map(in_shape, window)).T


def features(x: np.ndarray) -> np.ndarray:
    """What the detectors find at each position of periodic signals, less its mean: (examples, positions, 2)."""
    u = np.maximum(np.asarray(minicnn.conv(jnp.asarray(x)[..., None], jnp.asarray(DETECTORS), **PERIODIC)), 0)
    return u - u.mean((0, 1))


def _moves() -> list[Claim]:
    """Π beside means over moves, and Π of a large pool beside that of a smaller one."""
    whole = {k: whole_projection(weights_behind_pool((POSITIONS, 1), (k,))) for k in WINDOWS}
    means, nested = [], []
    for k, (P, multiple) in whole.items():
        moves = sum(np.roll(np.eye(k, dtype=int), t, 0) for t in range(k))
        means.append(int(np.abs(k * P - multiple * np.kron(np.eye(POSITIONS // k, dtype=int), moves)).max()))
        nested += [int(np.abs(P @ Q - by * P).max()) for smaller, (Q, by) in whole.items() if smaller < k]
    shift = np.roll(np.eye(POSITIONS, dtype=int), 1, 0)
    P, _ = whole[POSITIONS]
    return [
        equal(f"k·Π − Σ of the moves within windows, k = {WINDOWS}", means, [0] * len(means), "mean over a group"),
        equal("Π of the whole, moved by one − Π", np.abs(P @ shift - P).max(), 0, "invariant, in integers"),
        equal("Π·Π′ − Π for each smaller pool Π′", nested, [0] * len(nested), "a stronger prior contains a weaker one"),
    ]


def _network(seed: int) -> list[Claim]:
    """Convolution, ReLU and a pool of the whole, in integers, for each shift of a signal."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-9, 10, POSITIONS)
    every = np.stack([np.roll(x, t) for t in range(POSITIONS)]).astype(np.float32)
    u = jnp.maximum(minicnn.conv(jnp.asarray(every)[..., None], jnp.asarray(DETECTORS, jnp.float32), **PERIODIC), 0)
    pooled = np.asarray(minicnn.global_avg_pool(u, 1))
    dense = np.asarray(u).reshape(POSITIONS, -1) @ rng.integers(-9, 10, 2 * POSITIONS)
    return [
        equal("pool of the whole: outputs for all shifts − for none, largest", np.ptp(pooled, 0).max(), 0, "invariant"),
        differs("dense readout: outputs without and with a shift", dense[:1], dense[1:2], "a weight for each position"),
    ]


def _draw(sided: bool, seed: int) -> Data:
    """Features and a target that is the same everywhere, or of opposite sign in the other half."""
    rng = np.random.default_rng(seed)
    signs = np.where(np.arange(POSITIONS) < POSITIONS // 2, 1, -1) if sided else np.ones(POSITIONS)
    planted = np.outer(signs, rng.choice([-1, 1], 2)).reshape(-1, 1) / np.sqrt(POSITIONS)
    x, x_new = (features(rng.normal(size=(EXAMPLES, POSITIONS))).reshape(EXAMPLES, -1) for _ in range(2))
    return Data(x, x @ planted + NOISE * rng.normal(size=(EXAMPLES, 1)), x_new, x_new @ planted)


def _trial(data: Data, steps: int) -> Trial:
    Pi = projection(jax.tree.map(jnp.asarray, weights_behind_pool((POSITIONS, 2), (POSITIONS,))))
    return trial(data, Pi, behind_pool(POSITIONS, data), steps)


def behind_pool(window: int, data: Data) -> np.ndarray:
    """The best readout of the sums of each window, as weights before the pool."""
    B = np.asarray(weights_behind_pool((POSITIONS, 2), (window,)).matrix(), np.float64)
    return B @ np.linalg.lstsq(data.x @ B, data.y, rcond=None)[0]


def _errors_behind_pools(data: Data) -> list[float]:
    return [float(((data.x_new @ behind_pool(k, data) - data.y_new) ** 2).mean()) for k in WINDOWS]


def _errors(right: Sequence[Trial], wrong: Sequence[Trial], pools: np.ndarray) -> list[Claim]:
    worst, least = max(t.change for t in right), min(t.change for t in wrong)
    underfit = min(t.seen[-1] / t.seen[0] for t in wrong)
    half = pools[1, WINDOWS.index(POSITIONS // 2)] / pools[1, 0]
    source = "Deep Learning, section 9.4"
    return [
        at_most(
            f"target {TARGETS[0]}: error of λ = ∞ over that of λ = 0, largest", worst, 0.5, "fewer weights to learn"
        ),
        at_least(f"target {TARGETS[1]}: the same, smallest", least, 1, f"a wrong prior, {source}"),
        at_least(f"target {TARGETS[1]}: the same on what was seen, smallest", underfit, 1, f"underfitting, {source}"),
        at_most(f"target {TARGETS[1]}: mean error behind a pool of one half, over none", half, 0.5, "small moves only"),
    ]


def _readouts(learned: np.ndarray, pools: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        weights = learned.reshape(len(STRENGTHS), POSITIONS, 2)[..., 0]
        for n, style, color in ((0, ":", "0.4"), (3, "--", "#0072B2"), (len(STRENGTHS) - 1, "-", "#D55E00")):
            name = f"λ = {strength_name(STRENGTHS[n])}"
            left.plot(np.arange(POSITIONS), weights[n], style, color=color, drawstyle="steps-mid", label=name)
        left.set(title="weights of one detector", xlabel="position")
        for errors, name, style, color in zip(pools, TARGETS, ("o-", "s--"), ("#0072B2", "#D55E00"), strict=True):
            right.loglog(WINDOWS, errors, style, color=color, label=name)
        right.set_xticks(WINDOWS, [str(k) for k in WINDOWS])
        right.minorticks_off()
        right.set(title="squared error behind a pool", xlabel="window")
        figure.legend(
            *left.get_legend_handles_labels(),
            loc="outside lower left",
            frameon=False,
            ncols=3,
            handlelength=1.5,
            columnspacing=1,
        )
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", frameon=False, ncols=2)

    return Picture("readouts", "A readout under priors of growing strength, and readouts behind pools.", draw, 0.48)
