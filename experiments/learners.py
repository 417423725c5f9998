"""Two learners of kernels, each from patches alone: sparse coding, and Hebb's rule with competition.

Both take patches as rows, (n, pixels), and kernels as rows, (k, pixels), of norm 1; neither knows what the patches are.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Patches = Float[np.ndarray, "n pixels"]
Kernels = Float[np.ndarray, "k pixels"]
Learner = Callable[[Kernels, Patches, int, np.random.Generator], Kernels]

BATCH = 200  # patches of an update
PENALTY = 0.25  # of each unit of activity, where a patch has norm 1: one kernel in sixteen then answers
STEPS = 12  # of the iteration that finds the activities
RATE = 0.3  # share of the way to the batch's mean that the kernels of an update go


def random_kernels(k: int, pixels: int, rng: np.random.Generator) -> Kernels:
    """Kernels before any experience: noise."""
    return unit(rng.standard_normal((k, pixels)).astype(np.float32))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their norms."""
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)


def activities(C: Kernels, x: Patches, penalty: float = PENALTY, steps: int = STEPS) -> Float[np.ndarray, "n k"]:
    """Sparse activities a whose sum of kernels Cᵀ·a is near x: the minimum of ½·|x − Cᵀa|² + λ·|a|₁.

    Each step goes down the gradient C·(Cᵀa − x), and takes away what the penalty does (iterative soft thresholding,
    with Nesterov's momentum).
    """
    gram, drive = C @ C.T, x @ C.T
    size = 1 / np.linalg.norm(gram, 2)
    a = ahead = np.zeros_like(drive)
    for n in range(steps):
        moved = ahead - size * (ahead @ gram - drive)
        new = np.sign(moved) * np.maximum(np.abs(moved) - size * penalty, 0)
        a, ahead = new, new + n / (n + 3) * (new - a)
    return a


def sparse_coding(C: Kernels, patches: Patches, updates: int, rng: np.random.Generator) -> Kernels:
    """Olshausen & Field: kernels go down the gradient of the error of a sparse code, aᵀ·(Cᵀa − x)."""
    for _ in range(updates):
        x = patches[rng.integers(len(patches), size=BATCH)]
        a = activities(C, x)
        # Each kernel steps in proportion to its use, so that the seldom used learn as fast.
        used = (a**2).sum(0)[:, None]
        C = unit(C + RATE * a.T @ (x - a @ C) / (used + 0.1 * used.mean() + 1e-9))
    return C


def hebbian(C: Kernels, patches: Patches, updates: int, rng: np.random.Generator) -> Kernels:
    """Hebb's rule with competition: the kernel that answers most, in absolute value, moves towards the patch.

    A kernel that wins more than its share has a handicap that grows, so that none wins always and none never
    (DeSieno, 1988, Adding a conscience to competitive learning).
    """
    handicap = np.zeros(len(C), np.float32)
    for _ in range(updates):
        x = patches[rng.integers(len(patches), size=BATCH)]
        y = x @ C.T
        winner = (np.abs(y) - handicap).argmax(1)
        won = np.zeros_like(y)
        won[np.arange(len(x)), winner] = y[np.arange(len(x)), winner]
        share = (won != 0).mean(0)
        handicap += 0.5 * (share - 1 / len(C))
        C = unit(C + RATE * won.T @ x)
    return C


LEARNERS: dict[str, Learner] = {"sparse coding": sparse_coding, "Hebb's rule": hebbian}
