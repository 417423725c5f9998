"""Norms of maps: their derivative in each array of the map is a row, the gradient."""

from typing import Any

from minicnn import maps
from minicnn.autodiff.rules.rule import Entry, Rule
from minicnn.linalg.norms import derivative, norm_p
from minicnn.maps import LinearMap
from minicnn.primitive import Primitive, Traced


def _entry(n: int) -> Entry:
    def gradient(y: Any, *leaves: Any, **static: Any) -> LinearMap:
        if any(isinstance(leaf, Traced) for leaf in leaves):
            raise NotImplementedError(
                "the norm of a map has one derivative here: its gradient is not differentiated again"
            )
        G = derivative(leaves, n, **static)
        return maps.Dense(G.reshape(1, -1), G.shape, (), y.dtype)

    return Entry("∇‖A‖ᵀ", gradient)


table: dict[Primitive, Rule] = {norm_p: Rule("", _entry)}
