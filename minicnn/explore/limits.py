"""The largest settings that the page draws; it is written with them."""

from typing import NamedTuple


class Limits(NamedTuple):
    """What the page draws at most.

    Attributes:
        input: positions of an axis, in one and in two dimensions.
        kernel: taps of an axis, in one and in two dimensions.
        step: stride, dilation, stretch and tile.
        padding: on one side, added or cropped.
        channels: of input and of output.
        terms: non-zeros of C; so many are multiplied and drawn in about a second.
    """

    input: tuple[int, int] = (256, 40)
    kernel: tuple[int, int] = (32, 11)
    step: int = 16
    padding: int = 32
    channels: int = 3
    terms: int = 600_000


LIMITS = Limits()
