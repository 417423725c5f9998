"""How well does a picture's vocabulary tell its class, beside its pixels?

Patches of the training images are brought to zero mean and unit length; k-means on the sphere finds the words, the
directions in which most patches lie. The word of a patch is that with the largest product: a convolution with the
vocabulary, one channel a word, whose argmax is taken at each place. A histogram of words, over the whole image or over
its four quarters, goes into a linear classifier by least squares; so do the pixels. A histogram over the whole image is
the same wherever a figure stands on empty paper; quarters say a little of where things are. All are tested on the test
images as they are, and on the same moved by up to four pixels on larger paper, which pixels do not survive.

Without `--full` it runs on the handwritten digits of scikit-learn, with it on Fashion-MNIST from $MINICNN_DATA.

Sources: Sivic & Zisserman, *Video Google* (2003), and Csurka et al., *Visual categorization with bags of keypoints*
(2004), for visual words; Coates & Ng, *Learning feature representations with k-means* (2012), for patches and sphere;
Xiao, Rasul & Vollgraf, *Fashion-MNIST* (2017).
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from minicnn.data.registry import load_data

ROWS = (69,)
SMALL = {"words": 16, "pieces": 3_000, "train": 200, "test": 60}
FULL = {"data": "fashion", "words": 96, "train": 6_000, "test": 1_500}

PATCH = 7  # pixels of a side: two strokes of a digit fit in
# A patch whose pixels differ from their mean by less, as a root of squares, is blank: its word is "none". It is the
# contrast of one faint pixel of 49 among paper, on the scale where paper and ink differ by about 1.3.
FAINT = 0.3
ROUNDS = 15  # of k-means; hardly a patch changes its word afterwards
MOVE = 4  # pixels in either direction; every image is put on paper that is as much larger
SINGLE = 1e-3  # further than rounding in single precision moves a distance, or the contrast of a patch
BATCH = 100  # images whose votes are held at a time: 100 MB for 128 words
# Weight of the squares of the classifier's coefficients, per image; features are of order 1.
RIDGE = 1e-3


def run(
    data: str = "digits", words: int = 64, pieces: int = 20_000, train: int = 1437, test: int = 360, seed: int = 0
) -> Result:
    """Learn words, then classes.

    Args:
        data: the name of a data set.
        words: of the vocabulary.
        pieces: patches among which the words are found.
        train: images to learn from.
        test: images to test on.
        seed: of the patches, of k-means, and of the moves.
    """
    rng = np.random.default_rng(seed)
    dataset = load_data(data)
    learnt, tested = dataset.train[:train], dataset.test[:test]
    shown, unseen = (_on_paper(split.images, dataset.pixels[0]) for split in (learnt, tested))
    vocabulary = k_means(patches(shown[rng.permutation(len(learnt))[:400]], pieces, rng), words, rng)
    moved = np.stack([np.roll(image, rng.integers(-MOVE, MOVE + 1, 2), (0, 1)) for image in unseen])
    sets = (shown, unseen, moved)
    counts = [counted(images, vocabulary) for images in sets]
    features = {
        "pixels": [images.reshape(len(images), -1) for images in sets],
        "words": [shares(of_quarters.sum(1)) for of_quarters in counts],
        "words of quarters": [shares(of_quarters) for of_quarters in counts],
    }
    rows, answers = [], {}
    for name, (to_learn, *to_test) in features.items():
        predict = linear_classifier(to_learn, learnt.labels, len(dataset.classes))
        answers[name] = [predict(described) for described in to_test]
        right = [float(np.mean(answer == tested.labels)) for answer in answers[name]]
        rows.append((name, to_learn.shape[1], *right))
    table = Table(
        f"{data}: share of {len(tested):,} test images that is right, after {len(learnt):,} to learn from",
        ("features", "numbers", "as they are", f"moved by up to {MOVE} pixels"),
        tuple(rows),
    )
    accuracy = {name: (still, shaken) for name, _, still, shaken in rows}
    chance = 1 / len(dataset.classes)
    claims: list[Claim] = [
        equal(
            "patches whose word is another than by brute force",
            _misnamed(unseen[:BATCH], vocabulary),
            0,
            "‖p − c‖² of all words in NumPy",
        ),
        equal(
            "counts of words that change when an image is moved",
            int(np.sum(_counts(unseen[:BATCH], vocabulary) != _counts(moved[:BATCH], vocabulary))),
            0,
            "a sum has no order",
        ),
        equal(
            "answers by words that change when images are moved",
            int(np.sum(answers["words"][0] != answers["words"][1])),
            0,
            "a sum has no order",
        ),
        at_least("right by words", accuracy["words"][0], 3 * chance, f"three times chance, {chance:g}"),
        at_least(
            "right by words of quarters, less right by words",
            accuracy["words of quarters"][0] - accuracy["words"][0],
            0,
            "quarters say where",
        ),
        at_most("right by pixels, moved", accuracy["pixels"][1], accuracy["words"][1], "pixels do not survive a move"),
    ]
    return Result(claims, (table,), (_vocabulary_picture(vocabulary), _accuracy_picture(accuracy, chance)))


def patches(images: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Some of the patches that are not blank, with zero mean and unit length: (number, taps)."""
    every = np.asarray(minicnn.unfold(jnp.asarray(images), (PATCH, PATCH))).reshape(-1, PATCH**2)
    every = every[rng.permutation(len(every))[: 4 * number]]
    every = every - every.mean(1, keepdims=True)
    lengths = np.linalg.norm(every, axis=1)
    return (every / np.maximum(lengths, FAINT)[:, None])[lengths > FAINT][:number]


def k_means(points: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Centres of unit length: each is the direction of the mean of the points whose nearest centre it is."""
    centres = points[rng.permutation(len(points))[:number]]
    for _ in range(ROUNDS):
        nearest = (points @ centres.T).argmax(1)
        sums = np.eye(number, dtype=points.dtype)[nearest].T @ points
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        # A centre without points stays where it is.
        centres = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), centres)
    return centres


@jax.jit
def votes(images: jnp.ndarray, vocabulary: jnp.ndarray) -> jnp.ndarray:
    """For each patch a 1 in the channel of its word; zeros where it is blank.

    Centres have zero mean, so that the products with a patch need not take its mean away.
    """
    w = vocabulary.T.reshape(PATCH, PATCH, 1, -1)
    box = jnp.full((PATCH, PATCH, 1, 1), 1 / PATCH**2, images.dtype)
    conv = partial(minicnn.conv, padding="FULL")
    squares = conv(images**2, box) - conv(images, box) ** 2
    visible = squares * PATCH**2 > FAINT**2
    return jax.nn.one_hot(conv(images, w).argmax(-1), len(vocabulary), dtype=jnp.float32) * visible


def counted(images: np.ndarray, vocabulary: np.ndarray) -> np.ndarray:
    """How often each word is seen in each quarter of each image: (n, 4, words), integers."""
    found = []
    for start in range(0, len(images), BATCH):
        voted = votes(jnp.asarray(images[start : start + BATCH]), jnp.asarray(vocabulary))
        quarter = voted.shape[1] * voted.shape[2] // 4
        means = np.asarray(minicnn.adaptive_avg_pool(voted, (2, 2)))
        found.append(np.rint(means * quarter).reshape(len(means), 4, -1))
    return np.concatenate(found)


def shares(counts: np.ndarray) -> np.ndarray:
    """The roots of the shares of words in each image, (n, numbers): roots keep common words in check."""
    flat = counts.reshape(len(counts), -1)
    return np.sqrt(flat / np.maximum(flat.sum(1, keepdims=True), 1))


def linear_classifier(features: np.ndarray, labels: np.ndarray, classes: int) -> Callable[[np.ndarray], np.ndarray]:
    """Least squares onto ±1 for each class, on features of zero mean, with a little weight on the coefficients."""
    mean = features.mean(0)
    A = (features - mean).astype(float)
    targets = 2.0 * np.eye(classes)[labels] - 1
    normal = A.T @ A + RIDGE * len(A) * A.var(0).mean() * np.eye(A.shape[1])
    W = np.linalg.solve(normal, A.T @ (targets - targets.mean(0)))
    return lambda x: ((x - mean) @ W + targets.mean(0)).argmax(1)


def _on_paper(images: np.ndarray, paper: float) -> np.ndarray:
    """Images on larger paper, which becomes 0: it is what convolutions pad with."""
    return np.pad(images - np.float32(paper), ((0, 0), (MOVE, MOVE), (MOVE, MOVE), (0, 0)))


def _counts(images: np.ndarray, vocabulary: np.ndarray) -> np.ndarray:
    return np.asarray(votes(jnp.asarray(images), jnp.asarray(vocabulary)).sum((1, 2)))


def _misnamed(images: np.ndarray, vocabulary: np.ndarray, number: int = 10) -> int:
    """Patches whose nearest centre, by distances in double precision, is another by more than rounding."""
    words = np.asarray(votes(jnp.asarray(images), jnp.asarray(vocabulary)))[:number]
    margin = PATCH - 1
    wide = np.pad(images[:number, ..., 0].astype(float), ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (PATCH, PATCH), (1, 2))
    p = windows.reshape(*words.shape[:3], -1)
    p = p - p.mean(-1, keepdims=True)
    lengths = np.linalg.norm(p, axis=-1)
    seen = words.any(-1)
    p, chosen = (p / np.maximum(lengths, 1e-12)[..., None])[seen], words[seen].argmax(-1)
    distances = np.stack([((p - centre.astype(float)) ** 2).sum(-1) for centre in vocabulary], 1)
    further = distances[np.arange(len(p)), chosen] - distances.min(1) > SINGLE
    plain = np.abs(lengths - FAINT) > SINGLE
    return int(np.sum(further) + np.sum((seen != (lengths > FAINT)) & plain))


def _vocabulary_picture(vocabulary: np.ndarray) -> Picture:
    def draw(figure: Figure) -> None:
        shown = vocabulary[:64]
        columns = 16
        limit = np.abs(shown).max()
        for place, axes in enumerate(figure.subplots(-(-len(shown) // columns), columns, squeeze=False).flat):
            axes.set_axis_off()
            if place < len(shown):
                axes.imshow(shown[place].reshape(PATCH, PATCH), cmap="gray", vmin=-limit, vmax=limit)

    return Picture(
        "vocabulary",
        f"Words: the {PATCH}×{PATCH} patches that k-means finds.",
        draw,
        0.07 * -(-min(len(vocabulary), 64) // 16),
    )


def _accuracy_picture(accuracy: dict[str, tuple[float, float]], chance: float) -> Picture:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(accuracy))
        for index, (name, color) in enumerate((("as they are", "C0"), (f"moved by up to {MOVE} pixels", "0.75"))):
            shares = [both[index] for both in accuracy.values()]
            bars = axes.barh(places + 0.38 * index - 0.19, shares, 0.36, label=name, color=color)
            axes.bar_label(bars, [f"{share:.3f}" for share in shares], padding=3)
        axes.axvline(chance, color="k", linestyle=":", label="chance")
        axes.set(yticks=places, yticklabels=list(accuracy), xlim=(0, 1.12), xlabel="share of test images that is right")
        axes.invert_yaxis()
        figure.legend(loc="outside lower center", ncols=3, frameon=False)

    return Picture("accuracy", "A linear classifier on pixels and on words, for images in place and moved.", draw, 0.45)
