"""One convolution on which the identities are checked: its geometry, and small integers for its arrays."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.functional import conv, conv_map
from minicnn.identities.materialise import matrix_of
from minicnn.maps import LinearMap


@dataclass(frozen=True, eq=False)
class Example:
    """A layer: sizes, channels and the keyword arguments of `conv`.

    Attributes:
        in_size: spatial size of the input.
        kernel_size: taps per axis.
        c_in: input channels.
        c_out: output channels.
        options: keyword arguments of `conv`.
        seed: of the drawn integers.

    >>> Example((4,), (3,)).C.shape
    (2, 4)
    """

    in_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    c_in: int = 1
    c_out: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def label(self) -> str:
        """The layer, written in one line."""
        size, kernel = ("×".join(map(str, sizes)) for sizes in (self.in_size, self.kernel_size))
        options = "".join(f" {name} {value}" for name, value in self.options.items())
        return f"{size}, {self.c_in}→{self.c_out} channels, kernel {kernel}{options}"

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.in_size)

    @cached_property
    def w(self) -> Shaped[Array, "*kernel c co"]:
        """The kernel, of small integers."""
        return self.integers(*self.kernel_size, self.c_in // self.options.get("groups", 1), self.c_out)

    @cached_property
    def x(self) -> Shaped[Array, "*in c"]:
        """An image of small integers."""
        return self.integers(*self.in_size, self.c_in)

    @cached_property
    def y(self) -> Shaped[Array, "*out co"]:
        """A cotangent of the output, of small integers."""
        return self.integers(*self.map.out_shape)

    @cached_property
    def map(self) -> LinearMap:
        """The convolution matrix C as a map."""
        return self.map_of(self.w)

    def map_of(self, w: Any) -> LinearMap:
        """Build C with another kernel."""
        return conv_map(w, self.in_size, **self.options)

    @cached_property
    def C(self) -> Shaped[np.ndarray, "out in"]:
        """The convolution matrix C as an array, made from the list of its non-zeros."""
        return matrix_of(self.map)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The relation between outputs and inputs; none where the padding is a matrix of its own."""
        return self.map.axes

    @property
    def plain(self) -> bool:
        """Whether there are no groups, no stretching or flipping, and no padding other than with zeros."""
        return not set(self.options) & {"groups", "stretch", "flip", "padding_mode", "mask"}

    def conv(self, x: Any, w: Any) -> Any:
        """Apply the layer to an image, with a kernel."""
        return conv(x, w, **self.options)

    def integers(self, *shape: int) -> Array:
        """Draw integers from −4 to 4 without 0, the same for the same shape."""
        rng = np.random.default_rng((self.seed, *shape))
        with jax.ensure_compile_time_eval():  # a value that is kept must not belong to a trace
            return jnp.asarray(rng.integers(1, 5, shape) * rng.choice((-1, 1), shape), jnp.float32)

    def with_options(self, **options: Any) -> "Example":
        """Build a layer with the same sizes, one channel and other options."""
        return replace(self, c_in=1, c_out=1, options=options)

    @property
    def positions(self) -> tuple[int, int]:
        """The number of output and of input positions."""
        return math.prod(self.map.out_shape[:-1]), math.prod(self.in_size)


EXAMPLES: tuple[Example, ...] = (
    Example((6,), (3,), 2, 2),
    Example((5, 4), (3, 2), 2, 3),
    Example((5, 5), (3, 3), 1, 2, {"padding": "SAME"}),
    Example((7, 6), (3, 3), 1, 1, {"stride": (2, 3), "padding": 1}),
    Example((7, 7), (3, 2), 1, 1, {"dilation": (2, 3)}),
    Example((4, 3), (3, 3), 1, 1, {"stretch": 2, "padding": 1}),
    Example((4, 4), (2, 2), 4, 4, {"groups": 2}),
    Example((5, 4), (3, 3), 2, 1, {"padding": "SAME", "padding_mode": "circular"}),
    Example((5, 5), (3, 3), 1, 1, {"padding": "FULL", "flip": True}),
    Example((3, 3, 3), (2, 2, 2), 1, 2),
)
