"""Sizes that people type, looked at before anything so large is made."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from minicnn.linalg.stencils import Border, Stencil
    from minicnn.maps import LinearMap

# Numbers of an array that hundreds of products read or write: they take minutes, 4 GB while they do.
MOST = 2**24
# Vectors as long as the input and as the output that Lanczos and its products hold at once, as measured.
_VECTORS = 16
# Copies of the matrices of a symbol while their largest values are found.
_COPIES = 4
# Multiplications of a product with the matrix, of which Lanczos takes up to some hundred: about a second.
_PRODUCT = 2**33


def check_numbers(what: str, shape: Sequence[int], instead: str) -> None:
    """Refuse an array of more numbers than an answer can be waited for, before it is made.

    Args:
        what: the options with their values, and the array that they ask for.
        shape: of the array.
        instead: what to do instead.

    Raises:
        MemoryError: with these.
    """
    if math.prod(shape) > MOST:
        size = "×".join(map(str, shape))
        raise MemoryError(f"{what} is {size}, {math.prod(shape):,} numbers, and at most {MOST:,} are taken: {instead}")


def check_spectrum(given: str, A: "LinearMap") -> None:
    """Refuse a convolution whose values would take too long or too much memory, with any border.

    Args:
        given: the options that it was made from.
        A: the convolution, or its transpose.

    Raises:
        MemoryError: with the options, what is too large, and the limit.
    """
    from minicnn.draw.spectra import with_every_border
    from minicnn.forms.memory import check_room
    from minicnn.linalg.frames import framed
    from minicnn.linalg.stencils import oriented

    instead = "take smaller sizes; the values of a convolution spread alike for inputs of any size"
    for name, B in (("", A), *with_every_border(A)):
        border = f" with border {name}" if name else ""
        for side, shape in (("input", B.in_shape), ("output", B.out_shape)):
            check_numbers(f"{given}: the {side}{border}", shape, instead)
        C, _ = oriented(framed(B).core)
        assert C is not None
        for what, needed in _needs(C, _VECTORS * sum(B.shape) * 8):
            check_room(f"{given}: {what}{border} is too large", needed, instead)
        if (work := C.w.size * math.prod(axis.out_size for axis in C.axes)) > _PRODUCT:
            raise MemoryError(
                f"{given}: a product with the matrix{border} takes {work:,} multiplications, and at most {_PRODUCT:,} "
                f"are waited for: {instead}"
            )


def _needs(C: "Stencil", vectors: int) -> Iterator[tuple[str, int]]:
    """What a bracket of σ₁ holds at once, and its bytes."""
    from minicnn.linalg.brackets import FREQUENCIES, embedded
    from minicnn.linalg.symbols import WAVES

    powers = [_powers(border) for border in C.borders]
    middles = math.prod(max(2 * (n - 1), 1) for n in powers)
    around = math.prod(embedded(C)) if C.zero_padded else 0
    frequencies = max(middles, around if around <= FREQUENCIES else 0)
    block = C.w.shape[-2] * C.w.shape[-1] * math.prod(axis.stride for axis in C.axes)
    axes = [(border.axis, n) for border, n in zip(C.borders, powers, strict=True)]
    yield "what its vectors take", vectors
    yield (
        "the table of an axis",
        max(
            max(axis.kernel_size * max(3 * axis.out_size, n * axis.stride), 5 * n * axis.out_size) * 8
            for axis, n in axes
        ),
    )
    yield "the symbol", _COPIES * 16 * ((math.prod(powers) + frequencies) * block + WAVES)


def _powers(border: "Border") -> int:
    """The coefficients that a symbol has along an axis."""
    powers = np.unique(border.offsets // border.axis.stride)
    step = int(np.gcd.reduce(np.diff(powers), initial=0)) or 1
    return int(powers[-1] - powers[0]) // step + 1


def given_as(**options: Any) -> str:
    """The options as an error names them, without those of one channel, stride or dilation, or no padding.

    >>> given_as(input="8", kernel="3", padding="0", channels="1")
    '`input`=8, `kernel`=3'
    """
    return ", ".join(f"`{name}`={value}" for name, value in options.items() if value not in ("0", "1"))
