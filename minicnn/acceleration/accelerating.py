"""`accelerate`: any function of JAX with its convolutions and pools replaced."""

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any, Literal

import jax
import numpy as np

from minicnn.acceleration.decision import Setting, on_accelerator
from minicnn.acceleration.listing import Listing, rows
from minicnn.acceleration.rewriting import Rewriting
from minicnn.arguments import look_up
from minicnn.jax_internals import ClosedJaxpr

When = Literal["gain", "always"]


def accelerate(f: Callable[..., Any], *, when: When = "gain") -> "Accelerated":
    """The same function with its convolutions, transposed convolutions and pools replaced by ours, where it pays.

    The function may be a model of any library that is made of JAX. Its equations are read, also those inside of
    `jax.jit`, `jax.lax.scan`, `while_loop` and `cond`, `jax.checkpoint`, `jax.custom_jvp`, `jax.custom_vjp` and
    `jax.shard_map`, and `conv_general_dilated` and the maxima and sums of `reduce_window` are replaced. Everything else
    stays as it is. Values are the same up to rounding, and integers the same, as long as they are finite; in forward
    mode, too, the first of equal maxima counts. The result may be differentiated, compiled and mapped like f.

    Each product of a convolution and of its derivatives takes one of our forms or stays with lax, whichever is
    predicted to be cheaper on a CPU; on GPUs and TPUs everything is left to lax. Accelerate the outermost function, a
    whole step of training say, and compile what comes out: `jax.jit(accelerate(step))`. So its gradients are seen, and
    what is inside of loops, where there is most to gain.

    Like what is compiled, f is traced: its arguments may be pytrees with any leaves, and only those that are arrays
    vary; it must not look at their values, nor depend on anything that changes. `f` is traced once for each set of
    shapes, dtypes and other leaves, but anew in each call if it uses arrays that are no arguments, which may change.

    Args:
        f: a function or model.
        when: "gain" replaces what is predicted to be faster; "always" all that can be, on any processor.

    Returns:
        The function. `.replaced(*args)` lists what was replaced by what, and what was left and why.

    Raises:
        ValueError: for another `when`.

    >>> w = jnp.ones((3, 3, 1, 8))
    >>> options = {"padding": "SAME", "dimension_numbers": ("NHWC", "HWIO", "NHWC")}
    >>> f = lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), **options)
    >>> fast = minicnn.accelerate(f)
    >>> bool(jnp.allclose(fast(jnp.ones((1, 6, 6, 1)), w), f(jnp.ones((1, 6, 6, 1)), w)))
    True
    >>> fast.replaced(jnp.ones((1, 6, 6, 1)), w).replaced
    1
    """
    if not callable(f):
        raise TypeError(f"`f`={f!r} is not a function: give a function or a model that can be called")
    return Accelerated(f, look_up("when", when, {"gain": False, "always": True}))


class Accelerated:
    """A function with its convolutions and pools replaced.

    Attributes:
        f: the function.
        always: whether all that can be replaced is.
    """

    def __init__(self, f: Callable[..., Any], always: bool) -> None:
        self.f, self.always = f, always
        self._rewritings: dict[Setting, Rewriting] = {}
        self._traced: Callable[..., Any] = self._new()
        for name in ("__name__", "__qualname__", "__doc__", "__module__"):
            if isinstance(value := getattr(f, name, None), str):
                setattr(self, name, value)
        self.__wrapped__ = f

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the function."""
        closed, out = self._trace(args, kwargs)
        arrays = [leaf for leaf in jax.tree.leaves((args, kwargs)) if _is_array(leaf)]
        results = self._rewriting.evaluate(closed.jaxpr, closed.consts, arrays)
        return _unmarked(jax.tree.unflatten(out, results))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """The method of an instance, where this is one of its class."""
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        """The call that makes it."""
        return f"accelerate({self.f!r})"

    def replaced(self, *args: Any, **kwargs: Any) -> Listing:
        """List what is replaced by what for such arguments, and what is left and why. Nothing is computed.

        Args:
            *args: as the function takes them; `jax.ShapeDtypeStruct` will do for arrays.
            **kwargs: likewise.
        """
        closed, _ = self._trace(args, kwargs)
        return Listing(tuple(rows(self._rewriting.decisions(closed.jaxpr))))

    @property
    def _rewriting(self) -> Rewriting:
        setting = Setting(self.always, on_accelerator())
        if setting not in self._rewritings:
            self._rewritings[setting] = Rewriting(setting, lambda rule: Accelerated(rule, self.always))
        return self._rewritings[setting]

    def _trace(self, args: Any, kwargs: Any) -> tuple[ClosedJaxpr, Any]:
        closed, shape = jax.make_jaxpr(self._traced, return_shape=True)(*_marked((args, kwargs)))
        if closed.consts:
            self._traced = self._new()  # JAX keeps the trace of a function, and these constants may be others next time
        return closed, jax.tree.structure(shape)

    def _new(self) -> Callable[..., Any]:
        """The function of arrays, and of other leaves as parts of the trees, that is traced."""

        def traced(args: Any, kwargs: Any) -> Any:
            args, kwargs = _unmarked((args, kwargs))
            return _marked(self.f(*args, **kwargs))

        return traced


@jax.tree_util.register_static
@dataclass(frozen=True, eq=False)
class _Leaf:
    """A leaf that is not an array, as part of the tree: a trace holds for this value and no other."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> Any:
        try:
            hash(self.value)
        except TypeError:
            return _Leaf, id(self)  # it may change, so that no trace holds again
        number = isinstance(self.value, float | complex)  # 0 and −0 are equal
        return type(self.value), repr(self.value) if number else self.value


def _marked(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf if _is_array(leaf) else _Leaf(leaf), tree)


def _unmarked(tree: Any) -> Any:
    is_leaf = lambda node: isinstance(node, _Leaf)
    return jax.tree.map(lambda leaf: leaf.value if is_leaf(leaf) else leaf, tree, is_leaf=is_leaf)


def _is_array(leaf: Any) -> bool:
    """Whether a leaf is an array as JAX has them; NumPy has arrays of texts, too."""
    if isinstance(leaf, np.ndarray | np.generic):
        return leaf.dtype.kind not in "OSUMm" and leaf.dtype != jax.dtypes.float0
    return isinstance(leaf, jax.Array | jax.ShapeDtypeStruct)
