"""What programs say of an equation: what its constant is called, and which layer it belongs to."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from minicnn import jax_internals
from minicnn.autodiff.layers import Layer, layer_named
from minicnn.jax_internals import Jaxpr
from minicnn.lift.names import Names
from minicnn.lift.unrolling import FUNCTION


def shared_scopes(found: Sequence[tuple[str, ...]]) -> int:
    """How many of the outermost scopes are those of all equations, so that they say nothing."""
    scoped = [scopes for scopes in found if scopes]
    alike = (len(set(level)) == 1 for level in zip(*scoped, strict=False))
    deepest = max(map(len, scoped), default=1) - 1  # so that a layer keeps a scope of its own
    return min(sum(takewhile(bool, alike)), deepest)


def module_of(scopes: Sequence[str]) -> str:
    """The module that scopes lead to. Functions are none; equinox names classes, which many layers share."""
    return "/".join(scope for scope in scopes if not scope.endswith(FUNCTION) and not scope.startswith("eqx."))


class Wording:
    """The words for the equations of one function.

    Attributes:
        names: what constants are called.
        shared: how many scopes all equations are in, the outermost: they say nothing.
    """

    def __init__(self, names: Names, jaxpr: Jaxpr) -> None:
        self.names = names
        self.shared = shared_scopes([jax_internals.scopes(equation) for equation in jaxpr.eqns])

    def constant(self, equation: Any, constants: Sequence[Any]) -> str:
        """The word for the constant of an equation: a number, a module, weights, or the function that computed it."""
        arrays = [x for x in constants if np.ndim(x)]
        if constants and not arrays:
            return f"{np.asarray(constants[0]).item():.4g}"
        if named := self._names(arrays):
            return self._module(equation) or named[0]
        scopes = self._scopes(equation)
        return scopes[-1].removesuffix(FUNCTION).strip("_") if scopes else "a"

    def layer(self, equation: Any, constants: Sequence[Any], source: str) -> Layer | None:
        """The layer whose weights the constants are, if they have a name; `source` is that of what they multiply."""
        named = self._names([x for x in constants if np.ndim(x)])
        return layer_named(named[0], self.names.sizes, self._module(equation), source) if named else None

    def _names(self, arrays: Sequence[Any]) -> list[str]:
        return [name for x in arrays if (name := self.names.of(x))]

    def _scopes(self, equation: Any) -> tuple[str, ...]:
        return jax_internals.scopes(equation)[self.shared :]

    def _module(self, equation: Any) -> str:
        """The module that an equation belongs to; functions are none."""
        return module_of(self._scopes(equation))
