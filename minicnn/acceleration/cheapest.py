"""The form that is ours or lax's, whichever is predicted to be cheaper, for each product by itself."""

from dataclasses import dataclass, replace

import jax.numpy as jnp
from jaxtyping import Array

from minicnn.acceleration.lax_cost import lax_cost
from minicnn.acceleration.lax_form import Lax
from minicnn.forms import Arithmetic, Auto, Form, Geometry
from minicnn.forms.choice import choose
from minicnn.forms.explanation import name_of
from minicnn.forms.form import Costed

# How much longer our gradients in the weights take than the model says, where lax's are not far: measured as 1.0 to 1.4
# times in the median of the convolutions that `lax_cost` was fitted to.
_IN_WEIGHTS = 1.1


@dataclass(frozen=True)
class Cheapest(Form):
    """Ours or lax's for each product; on GPUs and TPUs, for which no gain is predicted, lax's.

    Attributes:
        weights: whether it is for the product X(x)ᵀ·y.
    """

    weights: bool = False

    @property
    def on_accelerators(self) -> Form:
        """The convolutions of lax."""
        return Lax()

    @property
    def in_weights(self) -> Form:
        """The choice for the gradient in the weights."""
        return replace(self, weights=True)

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> Form:
        """The cheaper one."""
        ours = Auto().settled(geometry, batch, dtype)
        assert isinstance(ours, Costed)
        cost = ours.cost(geometry, batch).work * (_IN_WEIGHTS if self.weights else 1)
        return ours if cost < lax_cost(geometry, batch, dtype) else Lax()

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return self.settled(geometry, len(x), jnp.result_type(x, w)).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ."""
        form = self.in_weights.settled(geometry, len(x), jnp.result_type(x, y))
        return form.correlate(geometry, x, y, arithmetic)


def products(form: Form, geometry: Geometry, images: int, dtype: jnp.dtype) -> dict[str, str]:
    """By name, what the product and its gradients in x and in w take on a CPU."""
    halves = bool(jnp.issubdtype(dtype, jnp.inexact))
    found = {}
    for name, own, g in (("y", form, geometry), ("x̄", form, geometry.T), ("w̄", form.in_weights, geometry)):
        lax = isinstance(own.settled(g, images, dtype), Lax)
        found[name] = "lax" if lax else name_of(choose(g, images, halves=halves), g, images)
    return found
