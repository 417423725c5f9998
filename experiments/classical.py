"""The classifiers of 1998 that have no layers to train: weighted sums, neighbours, polynomials and radial units.

Each goes from rows of numbers with labels, and rows of new numbers, to scores of the ten classes, the largest being the
answer.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import PolynomialFeatures

Rows = Float[np.ndarray, "n d"]
Labels = Int[np.ndarray, " n"]
Scores = Float[np.ndarray, "n classes"]

# Per image, added to squares of pixels: the border is the same in every image, and without a ridge its weights were not
# determined. With 10⁻⁶ pairs of classes, which have fewer images, are learnt by heart.
RIDGE = 1e-4
# Its annotations say that a number of starts is a word.
_k_means: Any = MiniBatchKMeans
_BLOCK = 2_000  # rows that are in double precision at once


def lecun_tanh(y: Scores) -> Scores:
    """LeNet's squashing function."""
    return 1.7159 * np.tanh(2 / 3 * y)


def linear(x: Rows, labels: Labels, x_new: Rows, ridge: float = RIDGE) -> Scores:
    """One weighted sum for each class, nearest to +1 for its images and −1 for others in the mean square."""
    gram, sums = np.zeros((x.shape[1] + 1,) * 2), np.zeros((x.shape[1] + 1, 10))
    for rows, targets in _blocks(x, labels):
        gram += rows.T @ rows
        sums += rows.T @ (2 * targets - 1)
    return _bordered(x_new) @ _solved(gram, sums, ridge * len(x)).astype(x_new.dtype)


def squashed(x: Rows, labels: Labels, x_new: Rows, seed: int, rate: float = 1e-3, passes: int = 5) -> Scores:
    """One squashed sum for each class, 1.7159·tanh(2y/3), that moves towards ±1 after every image.

    Args:
        x: rows to learn from.
        labels: their classes.
        x_new: rows to score.
        seed: of the order of the images.
        rate: of a step against the gradient of half the squared error.
        passes: over the images.
    """
    rng, rows, targets = np.random.default_rng(seed), _bordered(x), 2 * np.eye(10, dtype=x.dtype)[labels] - 1
    w = np.zeros((rows.shape[1], 10), x.dtype)
    for n in np.concatenate([rng.permutation(len(x)) for _ in range(passes)]):
        t = np.tanh(2 / 3 * (rows[n] @ w))
        w -= np.outer(rate * rows[n], (1.7159 * t - targets[n]) * (1.7159 * 2 / 3) * (1 - t**2))
    return _bordered(x_new) @ w


def pairwise(
    x: Rows, labels: Labels, x_new: Rows, unit: Callable[[Scores], Scores] = lecun_tanh, ridge: float = RIDGE
) -> Scores:
    """A weighted sum for each pair of classes, +1 for one and −1 for the other; a class adds up those of its pairs.

    Args:
        x: rows to learn from.
        labels: their classes.
        x_new: rows to score.
        unit: what is added in place of a sum y: squashed as in LeNet, its sign, or y, with which the scores are
            weighted sums of the pixels again.
        ridge: per image.
    """
    grams, sums, counts = [], [], []
    for label in range(10):
        own = x[labels == label]
        grams.append(sum((rows.T @ rows for rows, _ in _blocks(own, np.zeros(len(own), int))), np.zeros(())))
        sums.append(np.append(own.sum(0, dtype=np.float64), len(own)))
        counts.append(len(own))
    scores, bordered = np.zeros((len(x_new), 10)), _bordered(x_new)
    for one, other in combinations(range(10), 2):
        count = counts[one] + counts[other]
        w = _solved(grams[one] + grams[other], sums[one] - sums[other], ridge * count)
        y = unit(bordered @ w.astype(x_new.dtype))
        scores[:, one] += y
        scores[:, other] -= y
    return scores


def neighbours(x: Rows, labels: Labels, x_new: Rows, k: int = 3, metric: str = "euclidean") -> Scores:
    """The votes of the k nearest images."""
    nearest = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric).fit(x)
    return votes(labels[nearest.kneighbors(x_new, return_distance=False)], k)


def votes(nearest: Int[np.ndarray, "n most"], k: int) -> Scores:
    """How many of the first k neighbours have each label."""
    return np.eye(10)[nearest[:, :k]].sum(1)


def quadratic(x: Rows, labels: Labels, x_new: Rows, components: int = 40, *, squares: bool = True) -> Scores:
    """Weighted sums of the `products` of principal components, by least squares."""
    first, last = products(x, x_new, components, squares=squares)
    return linear(first, labels, last)


def products(
    x: Rows, x_new: Rows, components: int = 40, *, squares: bool = True, equal: bool = False
) -> tuple[Rows, Rows]:
    """The products of all pairs of principal components, of the rows to learn from and of new ones.

    The paper counts 821 inputs for 40 components. These are 1 and the 820 products of pairs, squares among them, or
    1, the 40 components, and the 780 products of two different ones.

    Args:
        x: rows to learn from, whose components they are.
        x_new: new rows.
        components: principal components.
        squares: whether squares are in, and the components themselves out.
        equal: whether all components are scaled to the same variance; else they keep their ratios.
    """
    first, last = _projected(x, x_new, components)
    if equal:
        first, last = first / (scale := first.std(0)), last / scale
    features = PolynomialFeatures(2, include_bias=False, interaction_only=not squares).fit(first)
    start = components if squares else 0
    first, last = (np.asarray(features.transform(rows))[:, start:] for rows in (first, last))
    return first, last


def gaussian(x: Rows, labels: Labels, x_new: Rows, components: int = 40) -> Scores:
    """How likely each class is among Gaussians with covariances of their own, of principal components."""
    first, last = _projected(x, x_new, components)
    return QuadraticDiscriminantAnalysis().fit(first, labels).decision_function(last)


def radial(
    x: Rows,
    labels: Labels,
    x_new: Rows,
    seed: int,
    units: int = 1000,
    width: float = 1.0,
    ridge: float = RIDGE / 100,
) -> Scores:
    """Weighted sums of Gaussians around centres, the same number in each class, found by k-means.

    Args:
        x: rows to learn from.
        labels: their classes.
        x_new: rows to score.
        seed: of the centres.
        units: Gaussians.
        width: their variance, over the mean square of an image's distance from its centre.
        ridge: per image. Most Gaussians are far below 1 at any image: their squares bear a smaller one than those of
            pixels.
    """
    centres, squares = [], 0.0
    for label in range(10):
        own = x[labels == label]
        count = min(units // 10, len(own))
        found = _k_means(count, n_init=1, batch_size=2_000, random_state=seed).fit(own)
        centres.append(found.cluster_centers_)
        squares += float(found.inertia_)
    gamma = len(x) / (2 * width * squares)
    first, last = (rbf_kernel(rows, np.concatenate(centres).astype(rows.dtype), gamma) for rows in (x, x_new))
    return linear(first, labels, last, ridge)


def _projected(x: Rows, x_new: Rows, components: int) -> tuple[Rows, Rows]:
    found = PCA(components, svd_solver="covariance_eigh").fit(x)
    # Numbers near 1, so that their products are.
    scale = np.sqrt(found.explained_variance_[0])
    return found.transform(x) / scale, found.transform(x_new) / scale


def _blocks(x: Rows, labels: Labels) -> Iterator[tuple[Rows, Scores]]:
    """Some rows at a time in double precision, with a 1 at their end, and their labels as rows of 0 and 1."""
    for start in range(0, len(x), _BLOCK):
        part = slice(start, start + _BLOCK)
        yield _bordered(x[part].astype(np.float64)), np.eye(10)[labels[part]]


def _bordered(x: Rows) -> Rows:
    return np.hstack([x, np.ones((len(x), 1), x.dtype)])


def _solved(gram: np.ndarray, sums: np.ndarray, ridge: float) -> np.ndarray:
    """The weights, with a ridge for all but the last, the bias: so that a shift of the pixels changes nothing."""
    free = np.append(np.full(len(gram) - 1, ridge), 0)
    return scipy.linalg.solve(gram + np.diag(free), sums, assume_a="pos")
