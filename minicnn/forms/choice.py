"""The choice of a form, by name or by the cost model."""

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
from jaxtyping import Array

from minicnn.arguments import look_up
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.dense import Dense
from minicnn.forms.diagonals import Diagonals
from minicnn.forms.form import Costed, Form
from minicnn.forms.fourier import Fourier
from minicnn.forms.geometry import Geometry
from minicnn.forms.polyphase import Polyphase, has_phases
from minicnn.forms.tiles import Tiles
from minicnn.forms.winograd import Winograd


@dataclass(frozen=True)
class Auto(Form):
    """The form of least predicted cost, among those that err by no more than the terms of each output allow.

    Fourier is not among them: it spreads the rounding errors of the largest number over all results, and a NaN over
    everything. Whoever can afford that names it. Of winograd's tiles it takes pairs of outputs whose factors are dyadic
    and local: they keep small integers exact, and no output feels what it does not read.

    Attributes:
        accelerated: whether it chooses for GPUs and TPUs, where many products as small as one tap's are no gain: XLA's
            compiler for GPUs rewrites their sums, rounds short floats between them, and aborted on some (JAX 0.11.2).
    """

    accelerated: bool = False

    @property
    def on_accelerators(self) -> "Auto":
        """The choice for GPUs and TPUs."""
        return Auto(accelerated=True)

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> Form:
        """The form of least predicted cost, itself settled."""
        halves = jnp.issubdtype(dtype, jnp.inexact) and not self.accelerated
        return choose(geometry, batch, self.accelerated, halves).settled(geometry, batch, dtype)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        return self.settled(geometry, len(x), jnp.result_type(x, w)).convolve(geometry, x, w, arithmetic)

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        return self.settled(geometry, len(x), jnp.result_type(x, y)).correlate(geometry, x, y, arithmetic)


@lru_cache(maxsize=4096)
def choose(geometry: Geometry, batch: int, accelerated: bool = False, halves: bool = True) -> Costed:
    """The form of least predicted cost among those that `Auto` may take."""
    return min(choices(geometry, accelerated, halves), key=lambda form: form.cost(geometry, batch).total)


def choices(geometry: Geometry, accelerated: bool = False, halves: bool = True) -> tuple[Costed, ...]:
    """The forms that `Auto` may take.

    Args:
        geometry: of the convolution.
        accelerated: whether they are to run on a GPU or TPU.
        halves: whether numbers may be halved: integers may not.
    """
    forms: list[Costed] = [Tiles()]
    if geometry.depthwise or not accelerated:
        forms.append(Diagonals())
    if has_phases(geometry):
        forms.append(Polyphase())
    if halves and _PAIRS.suits(geometry):
        forms.append(_PAIRS)
    return tuple(forms)


_PAIRS = Winograd(2)


_NAMES: dict[str, Form] = {
    "auto": Auto(),
    "dense": Dense(),
    "tiles": Tiles(),
    "diagonals": Diagonals(),
    "fourier": Fourier(),
    "winograd": Winograd(),
}


def as_form(form: str | Form) -> Form:
    """A form from its name; a form object is returned as it is.

    Raises:
        ValueError: for an unknown name.
        TypeError: for what is not a form object, or one that cannot be hashed.
    """
    if isinstance(form, str):
        return look_up("form", form, _NAMES, "a form", "a form object")
    if not isinstance(form, Form):
        raise TypeError(
            f"`form`={form!r} is not a form: use one of {', '.join(_NAMES)}, "
            "or an object whose class inherits from minicnn.forms.Form"
        )
    try:
        hash(form)
    except TypeError as error:
        raise TypeError(f"`form`={form!r} cannot be hashed: give it tuples for lists, and freeze its class") from error
    return form
