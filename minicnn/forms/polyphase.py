"""The polyphase form: a dilated axis is as many axes side by side as its taps lie apart.

An output of an axis without stride reads positions that all leave the same remainder when divided by |d|. So the axis
falls into |d| phases that know nothing of each other, each an axis without dilation: with i = |d|·a + r, the relation
i = o + d·k − p becomes a = b ± k − ⌊p/|d|⌋ in each phase. No zero between the taps is stored or multiplied.
"""

import math
from dataclasses import dataclass, field, replace

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from minicnn.axis import Axis
from minicnn.forms.arithmetic import Arithmetic
from minicnn.forms.cost import Cost
from minicnn.forms.form import Costed, Form
from minicnn.forms.geometry import Geometry
from minicnn.forms.layout import pad_axis
from minicnn.forms.tiles import Tiles


@dataclass(frozen=True)
class Polyphase(Costed):
    """Dilated axes without stride taken apart into their phases: for long dilated kernels.

    Attributes:
        form: how each phase is held.
    """

    form: Costed = field(default_factory=Tiles)

    @staticmethod
    def apart(geometry: Geometry) -> Geometry:
        """The geometry of all phases at once: every axis becomes two, the positions in a phase and the phases."""
        axes = []
        for axis in geometry.axes:
            n = _phases(axis)
            low, rest = divmod(axis.low, n)
            quotients = replace(
                axis,
                in_size=-(-(axis.in_size + rest) // n),
                out_size=-(-axis.out_size // n),
                dilation=axis.dilation // n,
                low=low,
            )
            axes += [quotients, Axis(n, n, 1)]
        return replace(geometry, axes=tuple(axes))

    def check(self, geometry: Geometry, dtype: jnp.dtype) -> None:
        """Refuse what the form of the phases refuses."""
        self.form.check(self.apart(geometry), dtype)

    def settled(self, geometry: Geometry, batch: int, dtype: jnp.dtype) -> Form:
        """The phases, in the settled form."""
        settled = self.form.settled(self.apart(geometry), batch, dtype)
        return replace(self, form=settled) if isinstance(settled, Costed) else settled

    def cost(self, geometry: Geometry, batch: int) -> Cost:
        """The predicted cost of one product: that of the phases, and bringing x and y there and back."""
        cost, apart = self.form.cost(self.apart(geometry), batch), self.apart(geometry)
        inputs, outputs = (batch * math.prod(shape) for shape in (apart.in_shape, apart.out_shape))
        return replace(cost, gathered=cost.gathered + inputs, scattered=cost.scattered + outputs, loops=cost.loops + 2)

    def convolve(self, geometry: Geometry, x: Array, w: Array, arithmetic: Arithmetic) -> Array:
        """Multiply x by C(w)."""
        apart, phases = self.apart(geometry), [_phases(axis) for axis in geometry.axes]
        y = self.form.convolve(apart, _inputs(x, geometry), w.reshape(apart.w_shape), arithmetic)
        y = y.reshape(x.shape[0], *(n * b.out_size for n, b in zip(phases, apart.axes[::2], strict=True)), y.shape[-1])
        return y[:, *(slice(axis.out_size) for axis in geometry.axes)]

    def correlate(self, geometry: Geometry, x: Array, y: Array, arithmetic: Arithmetic) -> Array:
        """Multiply y by X(x)ᵀ: the gradient in the weights."""
        apart = self.apart(geometry)
        w = self.form.correlate(apart, _inputs(x, geometry), _outputs(y, geometry), arithmetic)
        return w.reshape(geometry.w_shape)


def has_phases(geometry: Geometry) -> bool:
    """Whether an axis falls apart."""
    return any(_phases(axis) > 1 for axis in geometry.axes)


def _phases(axis: Axis) -> int:
    return abs(axis.dilation) if axis.stride == axis.stretch == 1 else 1


def _inputs(x: Shaped[Array, "b *in c"], geometry: Geometry) -> Shaped[Array, "b *in_and_phase c"]:
    """Every axis of x as positions in a phase and phases; p mod |d| zeros in front bring both ends into step."""
    apart = Polyphase.apart(geometry)
    for position, axis in enumerate(geometry.axes, start=1):
        size, rest = apart.axes[2 * position - 2].in_size * _phases(axis), axis.low % _phases(axis)
        x = pad_axis(x, position, rest, size - rest - axis.in_size)
    return x.reshape(x.shape[0], *apart.in_shape)


def _outputs(y: Shaped[Array, "b *out c"], geometry: Geometry) -> Shaped[Array, "b *out_and_phase c"]:
    """Every axis of y as positions in a phase and phases, zeros behind its end."""
    apart = Polyphase.apart(geometry)
    for position, axis in enumerate(geometry.axes, start=1):
        size = apart.axes[2 * position - 2].out_size * _phases(axis)
        y = pad_axis(y, position, 0, size - axis.out_size)
    return y.reshape(y.shape[0], *apart.out_shape)
