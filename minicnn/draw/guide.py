"""The animations of the convolution-arithmetic guide, with the numbers that were published for them.

Dumoulin & Visin, *A guide to convolution arithmetic for deep learning* (arXiv 1603.07285), chapters 2 and 4, and the
animations that go with it. Shapes and non-zeros of C follow from its arithmetic.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["convolution", "transposed", "average", "max"]

# numpy.random.seed(1234): randint(0, 4, (5, 5)), then randint(0, 3, (3, 3))
X = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
W = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])


@dataclass(frozen=True)
class Published:
    """One animation of the guide. All sizes are those of each axis.

    Attributes:
        name: of its file.
        kind: what moves.
        i: size of the input of the convolution or pool.
        k: size of the kernel.
        s: stride.
        p: padding.
        d: dilation.
        o: size of the output of the convolution or pool.
        nnz: non-zeros of C.
        relationship: its number in the guide.
        stretched: of a transposed one, the input with its zeros inside, ĩ′.
        p_transposed: of a transposed one, the zeros around it, p′.
        a: of a transposed one, the zeros added at the bottom and right.
        numbers: of a numerical one, the output, rounded to one decimal.
        note: what copies of it get wrong.
    """

    name: str
    kind: Kind
    i: int
    k: int
    s: int
    p: int
    d: int
    o: int
    nnz: int
    relationship: int
    stretched: int = 0
    p_transposed: int = 0
    a: int = 0
    numbers: tuple[tuple[float, ...], ...] = ()
    note: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the matrix: o² × i², or i² × o² if transposed."""
        return (self.i**2, self.o**2) if self.kind == "transposed" else (self.o**2, self.i**2)

    @property
    def out_size(self) -> int:
        """The size of each axis of what is drawn as the output."""
        return self.i if self.kind == "transposed" else self.o


_FLIPPED = (
    "The guide draws the direct convolution that gives the same numbers: its kernel is w flipped on both axes, which "
    "its pictures do not show. Here the matrix is Cᵀ with the same w. It gives back the shape of the input, not its "
    "values."
)


def _transposed(name: str, *numbers: int, stretched: int, p: int, a: int = 0, note: str = "") -> Published:
    i, k, s, padding, o, nnz, relationship = numbers
    return Published(
        name=f"{name}_transposed",
        kind="transposed",
        i=i,
        k=k,
        s=s,
        p=padding,
        d=1,
        o=o,
        nnz=nnz,
        relationship=relationship,
        stretched=stretched,
        p_transposed=p,
        a=a,
        note=" ".join(filter(None, (note, _FLIPPED))),
    )


PUBLISHED: tuple[Published, ...] = (
    #                                                              i  k  s  p  d  o  nnz relationship
    Published("no_padding_no_strides", "convolution", 4, 3, 1, 0, 1, 2, 36, 1),
    Published("arbitrary_padding_no_strides", "convolution", 5, 4, 1, 2, 1, 6, 324, 2),
    Published("same_padding_no_strides", "convolution", 5, 3, 1, 1, 1, 5, 169, 3),
    Published("full_padding_no_strides", "convolution", 5, 3, 1, 2, 1, 7, 225, 4),
    Published(
        *("no_padding_strides", "convolution", 5, 3, 2, 0, 1, 2, 36, 5),
        note="Some copies are captioned with stride 1; its stride is 2.",
    ),
    Published("padding_strides", "convolution", 5, 3, 2, 1, 1, 3, 49, 6),
    Published(
        *("padding_strides_odd", "convolution", 6, 3, 2, 1, 1, 3, 64, 6),
        note="The last row and column of the padding are never read: the size formula needs its floor.",
    ),
    #                                     i  k  s  p  o  nnz relationship
    _transposed("no_padding_no_strides", 4, 3, 1, 0, 2, 36, 8, stretched=2, p=2),
    _transposed("arbitrary_padding_no_strides", 5, 4, 1, 2, 6, 324, 9, stretched=6, p=1),
    _transposed("same_padding_no_strides", 5, 3, 1, 1, 5, 169, 10, stretched=5, p=1),
    _transposed("full_padding_no_strides", 5, 3, 1, 2, 7, 225, 11, stretched=7, p=0),
    _transposed("no_padding_strides", 5, 3, 2, 0, 2, 36, 12, stretched=3, p=2),
    _transposed("padding_strides", 5, 3, 2, 1, 3, 49, 13, stretched=5, p=1),
    _transposed(
        *("padding_strides_odd", 6, 3, 2, 1, 3, 64, 14),
        stretched=5,
        p=1,
        a=1,
        note="The caption of the guide's figure 4.7 calls the input 2×2; it is 3×3. Old copies of the animation add "
        "the extra zeros at the top and left; they belong at the bottom and right.",
    ),
    Published(
        *("dilation", "convolution", 7, 3, 1, 0, 2, 3, 81, 15),
        note="Dilation 2, as in the guide and in JAX; where an ordinary kernel's dilation is called 0, this one is 1.",
    ),
    Published(
        *("numerical_no_padding_no_strides", "convolution", 5, 3, 1, 0, 1, 3, 81, 1),
        numbers=((12, 12, 17), (10, 17, 19), (9, 6, 14)),
    ),
    Published(
        *("numerical_padding_strides", "convolution", 5, 3, 2, 1, 1, 3, 49, 6),
        numbers=((6, 17, 3), (8, 17, 13), (6, 4, 4)),
    ),
    Published(
        *("numerical_average_pooling", "average", 5, 3, 1, 0, 1, 3, 81, 7),
        numbers=((1.7, 1.7, 1.7), (1.0, 1.2, 1.8), (1.1, 0.8, 1.3)),
    ),
    Published(
        *("numerical_max_pooling", "max", 5, 3, 1, 0, 1, 3, 9, 7),
        numbers=((3, 3, 3), (3, 3, 3), (3, 2, 3)),
        note="Its matrix depends on x: one 1 in each row, where the maximum is; of equal ones the first.",
    ),
)
