"""Is the long multiplication of integers a convolution?

The digits of a·b, before anything is carried, are the convolution of the digits of a and b. Random numbers of 50
digits are multiplied so, a thousand at a time, and after carrying every product must be Python's. Digits may be groups
of several: the fewer there are, the larger the sums, up to 64 bits. With the Fourier transform instead, rounding has to
stay below ½, which limits the base.

Sources: notes on convolutional networks after *Deep Learning*; Knuth, *The Art of Computer Programming*, section 4.3.
"""

from collections.abc import Sequence
from random import Random

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.cells import cells
from experiments.frame import Claim, Picture, Result, Table, at_least, at_most, equal
from experiments.one_channel import convolve
from minicnn import conv

ROWS = (17,)
SMALL = {"products": 20}
FULL = {"products": 20_000}

DIGITS = 50
BASES = (10, 100, 1000, 10**4, 10**6, 10**8)


def run(products: int = 1000, seed: int = 0) -> Result:
    """Multiply integers.

    Args:
        products: pairs of numbers of 50 digits.
        seed: of the numbers.
    """
    random = Random(seed)
    a, b = ([random.randrange(10 ** (DIGITS - 1), 10**DIGITS) for _ in range(products)] for _ in range(2))
    python = [x * y for x, y in zip(a, b, strict=True)]
    rows, right, sums, bounds = [], [], [], []
    for base in BASES:
        x, w = (np.array([digits(number, base) for number in numbers]) for numbers in (a, b))
        columns = multiplied(x, w)
        right.append(sum(carried(row, base) == known for row, known in zip(columns.tolist(), python, strict=True)))
        sums.append(int(columns.max()))
        bounds.append(x.shape[1] * (base - 1) ** 2)
        off = float(np.abs(multiplied(x * 1.0, w * 1.0, "fourier") - columns).max())
        rows.append((base, x.shape[1], sums[-1], right[-1], off))
    excess = max(found / bound for found, bound in zip(sums, bounds, strict=True))
    claims: list[Claim] = [
        equal("digits of 123 · 456 before carrying", convolve([3, 2, 1], [6, 5, 4]), [18, 27, 28, 13, 4], "school"),
        equal(f"of {products:,} products of 50-digit integers, right in each base", right, [products] * 6, "Python"),
        at_most("largest column over digits·(base − 1)²", excess, 1, "as many digits meet"),
        at_most("base 10 by transforms: largest distance from the integers", rows[0][-1], 0.5, "rounding finds them"),
        at_least("base 10⁸ by transforms", rows[-1][-1], 0.5, "doubles hold 2⁵³"),
    ]
    columns = ("base", "digits", "largest column", "right", "transforms: error")
    return Result(claims, (Table(f"{products:,} products", columns, tuple(rows)),), (_picture(),))


@jax.jit(static_argnames="form")
def _every(x: jax.Array, w: jax.Array, form: str) -> jax.Array:
    each = lambda x, w: conv(x[:, None], w[:, None, None], padding="FULL", flip=True, form=form)[:, 0]
    return jax.vmap(each)(x, w)


def multiplied(x: np.ndarray, w: np.ndarray, form: str = "auto") -> np.ndarray:
    """The convolution of every row of x with that of w."""
    with jax.enable_x64(True):
        return np.asarray(_every(jnp.asarray(x), jnp.asarray(w), form))


def digits(number: int, base: int) -> list[int]:
    """The digits of a number of 50 decimal ones, the lowest first."""
    found = []
    for _ in range(-(-DIGITS // (len(str(base)) - 1))):
        number, digit = divmod(number, base)
        found.append(digit)
    return found


def carried(columns: Sequence[int], base: int) -> int:
    """The number with such columns: what is too much for one is carried into the next."""
    written, carry = [], 0
    for column in columns:
        carry, digit = divmod(carry + column, base)
        written.append(digit)
    width = len(str(base)) - 1
    return int(str(carry) + "".join(f"{digit:0{width}}" for digit in reversed(written)))


def _picture() -> Picture:
    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.5))
        a, b = [9, 8, 7], [6, 5, 4]
        cells(left, np.outer(a, b), "the products of digits", np.add.outer(range(3), range(3)), 1.0)
        left.set(xlabel="654", ylabel="987")
        columns = convolve(a, b)
        right.bar(range(5), columns, color="0.85", edgecolor="0.4")
        carry = 0
        for place, column in zip(range(4, -1, -1), reversed(columns.tolist()), strict=True):
            note = f"{column} + {carry}" if carry else f"{column}"
            carry, digit = divmod(column + carry, 10)
            right.text(place, column + 3, f"{note}\nwrite {digit}, carry {carry}", ha="center", fontsize="x-small")
        right.set(title="sums of antidiagonals, carried", xlabel=f"987 · 654 = {987 * 654:,}", ylim=(0, 175), xticks=[])

    return Picture("school", "Long multiplication: products, sums along antidiagonals, carries.", draw, 0.42)
