"""What a form is: a way to hold C and to multiply by it. All forms give the same products."""

from abc import ABC, abstractmethod

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.geometry import Geometry


class Form(ABC):
    """Two operations on a batch of images: `convolve`, C(w)·x, and `correlate`, X(x)ᵀ·y, the gradient in the weights.

    A form is static under `jax.jit`, so it has to be hashable: a frozen dataclass. Whoever writes one of their own
    states the two operations; the rest has defaults. Both sum in the dtype `arithmetic.result_type` of their operands,
    which is also that of their result. For short floats `minicnn.conv` asks for float32 and rounds the result once, so
    that no form has to know of them.
    """

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:  # noqa: B027
        """Raise, before anything is traced, for what this form cannot do. Most can do everything."""

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> "Form":
        """The form with everything chosen that these shapes leave open; this one, where nothing is."""
        return self

    @property
    def on_accelerators(self) -> "Form":
        """What stands for this form on GPUs and TPUs; this one, where the processor makes no difference."""
        return self

    @property
    def in_weights(self) -> "Form":
        """What stands for this form in `correlate`; this one, where the product makes no difference."""
        return self

    def portions(self, geometry: Geometry, batch: int) -> int:
        """The number of parts in which a batch is best taken where a cache is what limits it."""
        return 1

    @abstractmethod
    def convolve(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], w: Shaped[Array, "*k c co"], arithmetic: Arithmetic
    ) -> Shaped[Array, "b *out co"]:
        """Multiply x by C(w)."""

    @abstractmethod
    def correlate(
        self, geometry: Geometry, x: Shaped[Array, "b *in ci"], y: Shaped[Array, "b *out co"], arithmetic: Arithmetic
    ) -> Shaped[Array, "*k c co"]:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""


class Costed(Form):
    """A form whose cost the model predicts, so that `Auto` may take it."""

    @abstractmethod
    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product."""

    def portions(self, geometry: Geometry, batch: int) -> int:
        """The number of portions that the cost model takes."""
        return self.cost(geometry, batch).portions
