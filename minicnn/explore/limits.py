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

    input: tuple[int, int] = (512, 100)
    kernel: tuple[int, int] = (512, 100)
    step: int = 100
    padding: int = 128
    channels: int = 16
    terms: int = 600_000


LIMITS = Limits()
