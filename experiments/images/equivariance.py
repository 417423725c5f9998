"""With which transformations of an image does a convolution commute?

A map T commutes with C if C·T − T·C is zero: the commutator, an integer matrix here. Periodic shifts commute exactly,
and nothing else does: the mean of any matrix over all shifts is a convolution. With zeros around the image a shift
commutes except near the border. Rotations and reflections commute only if the kernel is as symmetric, and a change of
scale does not. Under a stride s the outputs move by one when the inputs move by s, and by nothing whole when they move
by less. A photograph shows the same.

Sources: Goodfellow, Bengio & Courville, *Deep Learning*, section 9.2: "convolution is not naturally equivariant to some
other transformations, such as changes in the scale or rotation of an image"; Davis, *Circulant Matrices* (1979).
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import minicnn
from experiments.frame import Claim, Picture, Result, Table, differs, equal
from experiments.images.circulant import circulant
from experiments.photographs import grey_photograph

ROWS = (35,)
SMALL = {"size": 6, "side": 64}
FULL = {"size": 12, "side": 400}

KERNEL = np.array([[2, 7, -1], [1, 3, -8], [5, -3, 1]])
# The same after a quarter turn, and after a reflection.
ROUND = np.array([[2, -1, 2], [-1, 5, -1], [2, -1, 2]])
PERIODIC: dict[str, Any] = {"padding": "SAME", "padding_mode": "circular"}
ZEROS: dict[str, Any] = {"padding": "SAME"}


def run(size: int = 8, side: int = 256, seed: int = 0) -> Result:
    """Compute commutators.

    Args:
        size: rows and columns of the image whose matrices are compared, even.
        side: of the photograph.
        seed: of the matrix whose mean over all shifts is taken.
    """
    every = [shift(size, down, right) for down, right in np.ndindex(size, size)]
    C, C_zeros, C_round = matrix(KERNEL, size, **PERIODIC), matrix(KERNEL, size, **ZEROS), matrix(ROUND, size, **ZEROS)
    S, R, M = shift(size, 1, 0), quarter_turn(size), reflection(size)
    clipped = np.kron(np.eye(size, k=-1, dtype=int), np.eye(size, dtype=int))
    disturbed = np.abs(commutator(C_zeros, clipped)).sum(1).reshape(size, size)
    table = commutators(size)
    claims: list[Claim] = [
        equal(
            f"periodic: {len(every)} shifts, largest entry of a commutator",
            max(np.abs(commutator(C, T)).max() for T in every),
            0,
            "Deep Learning, section 9.2",
        ),
        equal(
            "zeros: rows of outputs for which a shift by one row does not commute",
            np.flatnonzero(disturbed.any(1)),
            [0, size - 1],
            "the border: a window of three rows reaches one row far",
        ),
        differs(
            "quarter turn: largest entry of the commutator",
            np.abs(commutator(C, R)).max(),
            0,
            "Deep Learning, section 9.2",
        ),
        differs("reflection: largest entry of the commutator", np.abs(commutator(C, M)).max(), 0, "counterexample"),
        equal(
            "quarter turn and reflection, symmetric kernel, zeros",
            [np.abs(commutator(C_round, T)).max() for T in (R, M)],
            [0, 0],
            "the kernel is turned into itself",
        ),
        differs(
            "twice as large: largest entry of C·U − U·C",
            np.abs(scale_commutator(KERNEL, size)).max(),
            0,
            "Deep Learning, section 9.2",
        ),
        differs("twice as large, symmetric kernel", np.abs(scale_commutator(ROUND, size)).max(), 0, "counterexample"),
        *_strided(size),
        *_mean_over_shifts(every, size, seed),
        *_photograph_claims(side),
    ]
    return Result(claims, (table,), (_pictures(side), _commutators_picture(C, C_zeros, S, clipped, R)))


def matrix(w: np.ndarray, size: int, **options: Any) -> np.ndarray:
    """C for a kernel of one channel, without rounding."""
    return minicnn.conv_map(jnp.asarray(w)[..., None, None], (size, size), **options).to_scipy().toarray()


def commutator(C: np.ndarray, T: np.ndarray) -> np.ndarray:
    """C·T − T·C."""
    return C @ T - T @ C


def permutation(places: np.ndarray) -> np.ndarray:
    """The matrix that puts pixel `places[o]` at o."""
    return np.eye(places.size, dtype=int)[places.ravel()]


def _pixels(size: int) -> np.ndarray:
    return np.arange(size * size).reshape(size, size)


def shift(size: int, down: int, right: int) -> np.ndarray:
    """A periodic shift of the image."""
    return permutation(np.roll(_pixels(size), (down, right), (0, 1)))


def quarter_turn(size: int) -> np.ndarray:
    """A rotation of the image by 90°."""
    return permutation(np.rot90(_pixels(size)))


def reflection(size: int) -> np.ndarray:
    """Left and right exchanged."""
    return permutation(_pixels(size)[:, ::-1])


def enlarged(size: int) -> np.ndarray:
    """Every pixel becomes four."""
    U = np.repeat(np.eye(size, dtype=int), 2, axis=0)
    return np.kron(U, U)


def scale_commutator(w: np.ndarray, size: int) -> np.ndarray:
    """Convolve the large image, less the enlarged convolution of the small one."""
    U = enlarged(size // 2)
    return matrix(w, size, **PERIODIC) @ U - U @ matrix(w, size // 2, **PERIODIC)


def commutators(size: int) -> Table:
    """The Frobenius norm of every commutator, relative to that of C."""
    transformations = {
        "shift by (1, 0)": shift(size, 1, 0),
        "shift by (3, 2)": shift(size, 3, 2),
        "quarter turn": quarter_turn(size),
        "reflection": reflection(size),
    }
    kernels = {
        ("any kernel", "periodic"): (KERNEL, PERIODIC),
        ("any kernel", "zeros"): (KERNEL, ZEROS),
        ("symmetric", "periodic"): (ROUND, PERIODIC),
        ("symmetric", "zeros"): (ROUND, ZEROS),
    }
    rows = []
    for (kernel, padding), (w, options) in kernels.items():
        C = matrix(w, size, **options)
        norms = [np.linalg.norm(commutator(C, T)) / np.linalg.norm(C) for T in transformations.values()]
        scale = np.linalg.norm(scale_commutator(w, size)) / np.linalg.norm(C) if options is PERIODIC else "—"
        rows.append((kernel, padding, *norms, scale))
    return Table("‖C·T − T·C‖ / ‖C‖", ("kernel", "padding", *transformations, "twice as large"), tuple(rows))


def _strided(size: int) -> list[Claim]:
    """Inputs that move by s move the outputs by one; those that move by less do not move them by anything whole."""
    C, half = matrix(KERNEL, size, stride=2, **PERIODIC), size // 2
    by_two = C @ shift(size, 2, 0) - shift(half, 1, 0) @ C
    by_one = C @ shift(size, 1, 0)
    nearest = min(np.abs(by_one - shift(half, down, right) @ C).sum() for down, right in np.ndindex(half, half))
    return [
        equal(
            "stride 2: inputs moved by 2, outputs by 1, largest entry",
            np.abs(by_two).max(),
            0,
            "C_s = D·C₁, and D·S² = S·D",
        ),
        differs(
            "stride 2: inputs moved by 1, the nearest shift of the outputs, sum of differences",
            nearest,
            0,
            "counterexample",
        ),
    ]


def _mean_over_shifts(every: list[np.ndarray], size: int, seed: int) -> list[Claim]:
    """S⁻¹·M·S summed over all shifts, for a matrix M of integers, is the matrix of a convolution."""
    M = np.random.default_rng(seed).integers(-9, 10, (size * size, size * size))
    total = sum((S.T @ M @ S for S in every), np.zeros_like(M))
    # Row 0 reads the kernel, which is as large as the image, at the origin.
    w = total[0].reshape(size, size)
    padding = ((0, size - 1), (0, size - 1))
    C = minicnn.conv_map(jnp.asarray(w)[..., None, None], (size, size), padding=padding, padding_mode="circular")
    return [
        equal(
            "any matrix, summed over all shifts: circulant", circulant(total, size), True, "Davis, Circulant Matrices"
        ),
        equal(
            "it is C of its first row, largest difference",
            np.abs(total - C.to_scipy().toarray()).max(),
            0,
            "no other map commutes with every shift",
        ),
    ]


def _answers(side: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """A photograph transformed and then convolved, and convolved and then transformed."""
    x = grey_photograph(side, side).astype(int)
    w = jnp.asarray([[1, 0, -1], [2, 0, -2], [1, 0, -1]])[..., None, None]
    convolve = lambda x: np.asarray(minicnn.conv(jnp.asarray(x), w, **PERIODIC))[..., 0]
    large = lambda x: x.repeat(2, 0).repeat(2, 1)
    moves = {
        "moved": lambda x: np.roll(x, (side // 4, side // 3), (0, 1)),
        "turned": np.rot90,
        "twice as large": lambda x: large(x)[side // 2 : 3 * side // 2, side // 2 : 3 * side // 2],
    }
    return {name: (convolve(move(x)), move(convolve(x)[..., None])[..., 0]) for name, move in moves.items()}


def _photograph_claims(side: int) -> list[Claim]:
    found = {name: np.abs(one - other).max() for name, (one, other) in _answers(side).items()}
    return [
        equal("photograph moved: edges of it, less its edges moved", found["moved"], 0, "Deep Learning, section 9.2"),
        differs("photograph turned", found["turned"], 0, "Deep Learning, section 9.2"),
        differs("photograph twice as large", found["twice as large"], 0, "Deep Learning, section 9.2"),
    ]


def _pictures(side: int) -> Picture:
    def draw(figure: Figure) -> None:
        grid = figure.subplots(3, 3)
        for rows, (name, (one, other)) in zip(grid.T, _answers(side).items(), strict=True):
            limit = np.quantile(np.abs(one), 0.99)
            for axes, picture in zip(rows, (one, other, one - other), strict=True):
                axes.imshow(picture, cmap="gray", vmin=-limit, vmax=limit)
                axes.set(xticks=(), yticks=())
            rows[0].set_title(name)
        for axes, name in zip(grid[:, 0], ("then convolved", "after convolution", "difference"), strict=True):
            axes.set_ylabel(name)

    return Picture(
        "photographs", "Vertical edges of a photograph that is moved, turned and enlarged, before or after.", draw, 1.0
    )


def _commutators_picture(
    C: np.ndarray, C_zeros: np.ndarray, S: np.ndarray, clipped: np.ndarray, R: np.ndarray
) -> Picture:
    def draw(figure: Figure) -> None:
        shown = {
            "periodic, shift": commutator(C, S),
            "zeros, shift": commutator(C_zeros, clipped),
            "quarter turn": commutator(C, R),
        }
        limit = max(np.abs(entries).max() for entries in shown.values())
        for axes, (name, entries) in zip(figure.subplots(1, 3), shown.items(), strict=True):
            axes.imshow(entries, cmap="cividis", vmin=-limit, vmax=limit, interpolation="nearest")
            axes.set(title=f"{name}\n{np.count_nonzero(entries):,} entries not 0", xticks=(), yticks=())

    return Picture(
        "commutators", "C·T − T·C: nothing for shifts, the border with zeros, much for a rotation.", draw, 0.42
    )
