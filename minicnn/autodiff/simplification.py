"""A program with fewer arrows and the same matrix: neighbours that make one map are multiplied, or added."""

import re
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from minicnn import maps, ops
from minicnn.autodiff.program import Arrow, Node, Program, needed
from minicnn.maps import LinearMap


def simplify(program: Program) -> Program:
    """Drop identities, and merge neighbouring diagonals, reshapes and permutations.

    Nothing that was sparse is multiplied out: what remains has a map for each layer, and one for what lies between.
    """
    graph = _Graph(program)
    shorter = True
    while shorter:
        shorter = any(list(map(graph.shorten, range(len(program.nodes)))))
    arrows = sorted(graph.arrows.values(), key=lambda arrow: (arrow.target, arrow.source))
    return needed(replace(program, arrows=tuple(arrows), nodes=tuple(graph.nodes)))


class _Graph:
    """The arrows of a program, as they are replaced by fewer ones."""

    def __init__(self, program: Program) -> None:
        self.nodes: list[Node] = list(program.nodes)
        self.ends = {*program.inputs, *program.outputs}
        self.arrows: dict[int, Arrow] = {}
        self.into: list[list[int]] = [[] for _ in program.nodes]
        self.out: list[list[int]] = [[] for _ in program.nodes]
        for arrow in program.arrows:
            self.add(arrow)

    def add(self, arrow: Arrow) -> None:
        """Add an arrow, and with it any other between the same nodes, where the sum is one map."""
        for k in self.out[arrow.source]:
            other = self.arrows[k]
            if other.target == arrow.target and (total := _added(other.map, arrow.map)) is not None:
                self.remove(k)
                label = "I" if not other.label and not arrow.label else _joined(other.label, arrow.label, " + ")
                return self.add(replace(arrow, map=total, label=label, layer=other.layer or arrow.layer))
        place = max(self.arrows, default=-1) + 1
        self.arrows[place] = arrow
        self.into[arrow.target].append(place)
        self.out[arrow.source].append(place)
        return None

    def remove(self, k: int) -> Arrow:
        """Take an arrow away."""
        arrow = self.arrows.pop(k)
        self.into[arrow.target].remove(k)
        self.out[arrow.source].remove(k)
        return arrow

    def shorten(self, n: int) -> bool:
        """Lead the arrows around a node, if it has only one on a side and that one makes one map with the others."""
        into, out = self.into[n], self.out[n]
        if n in self.ends or not into or not out:
            return False
        if len(into) == 1 and self._passes_on(into[0]):
            source = self.remove(into[0]).source
            for k in list(out):
                self.add(replace(self.remove(k), source=source))
            return True
        if len(out) == 1 and self._passes_on(out[0]):
            target = self.remove(out[0]).target
            for k in list(into):
                self.add(replace(self.remove(k), target=target))
            return True
        if len(into) == len(out) == 1 and self._one_dtype(into[0], out[0]):
            first, second = self.arrows[into[0]], self.arrows[out[0]]
            product = _multiplied(second.map, first.map)
            if product is not None:
                label = _joined(second.label, first.label, "·")
                self.remove(into[0])
                self.remove(out[0])
                self.add(Arrow(product, first.source, second.target, label, first.layer or second.layer))
                return True
            return self._exchange(into[0], out[0])
        return False

    def _exchange(self, before: int, after: int) -> bool:
        """Let a reshape that comes before a diagonal come after it, so that reshapes meet."""
        first, second = self.arrows[before], self.arrows[after]
        if not isinstance(first.map, maps.Reshape):
            return False
        moved = _reshaped(second.map, first.map.in_shape)
        if moved is None:
            return False
        n = first.target
        self.nodes[n] = self.nodes[n]._replace(shape=first.map.in_shape)
        self.arrows[before] = replace(first, map=moved, label=second.label)
        self.arrows[after] = replace(second, map=first.map, label=first.label)
        return True

    def _passes_on(self, k: int) -> bool:
        return self._one_dtype(k) and _is_identity(self.arrows[k].map)

    def _one_dtype(self, *ks: int) -> bool:
        ends = {end for k in ks for end in (self.arrows[k].source, self.arrows[k].target)}
        return len({self.nodes[n].dtype for n in ends}) == 1


def _is_identity(A: LinearMap) -> bool:
    return isinstance(A, maps.Reshape) and A.in_shape == A.out_shape


def _multiplied(A: LinearMap, B: LinearMap) -> LinearMap | None:
    """The product A·B as one map, where there is one of a kind that is as simple as they are."""
    if isinstance(A, maps.Reshape) and isinstance(B, maps.Reshape):
        return maps.Reshape(B.in_shape, A.out_shape, A.dtype)
    if isinstance(A, maps.Permute) and isinstance(B, maps.Permute):
        return maps.Permute(tuple(B.order[axis] for axis in A.order), B.in_shape, A.dtype)
    if isinstance(A, maps.Broadcast) and isinstance(B, maps.Reshape):
        return replace(A, in_shape=B.in_shape)
    if isinstance(A, maps.Reshape) and isinstance(B, maps.Transposed) and isinstance(B.of, maps.Broadcast):
        return replace(B.of, in_shape=A.out_shape).T
    return _diagonal_product(A, B)


def _reshaped(A: LinearMap, shape: tuple[int, ...]) -> LinearMap | None:
    """A diagonal map of arrays of another shape."""
    match A:
        case maps.Diagonal() | maps.InverseDiagonal():
            return replace(A, d=ops.reshape(A.d, shape), in_shape=shape)
        case maps.Mask():
            return replace(A, keep=ops.reshape(A.keep, shape), in_shape=shape)
        case maps.Scale():
            return replace(A, in_shape=shape)
    return None


def _diagonal_product(A: LinearMap, B: LinearMap) -> LinearMap | None:
    if isinstance(A, maps.Mask) and isinstance(B, maps.Mask):
        return replace(A, keep=A.keep & B.keep)
    a, b = _diagonal(A), _diagonal(B)
    if a is None or b is None:
        return None
    zero = jnp.zeros((), A.dtype)
    masks = [M.keep for M in (A, B) if isinstance(M, maps.Mask)]
    return _as_map(ops.where(masks[0], b if isinstance(A, maps.Mask) else a, zero) if masks else a * b, A)


def _added(A: LinearMap, B: LinearMap) -> LinearMap | None:
    """The sum A + B as one diagonal, where both are."""
    a, b = (jnp.ones((), M.dtype) if _is_identity(M) else _diagonal(M) for M in (A, B))
    return None if a is None or b is None or A.dtype != B.dtype else _as_map(a + b, A)


def _diagonal(A: LinearMap) -> Any:
    """The entries of a diagonal map, a single one where all are alike, or None."""
    match A:
        case maps.Diagonal():
            return A.d
        case maps.Scale():
            return A.c
        case maps.InverseDiagonal():
            return 1 / A.d
        case maps.Mask():
            return ops.astype(A.keep, A.dtype)
    return None


def _as_map(d: Any, like: LinearMap) -> LinearMap:
    if d.ndim:
        return maps.Diagonal(d, like.in_shape, like.dtype)
    return maps.Scale(d, like.in_shape, like.dtype)


def _joined(left: str, right: str, sign: str) -> str:
    """One label of two: what their parentheses hold, each once, and numbers only where there is nothing else."""
    if not left or not right:
        return left or right
    kinds = [re.fullmatch(r"(\w+)\((.*)\)(⁻¹)?", label) for label in (left, right)]
    if any(kind is None for kind in kinds):
        return left if left == right else f"{left}·{right}"
    texts = [(kind[2], kind[3] or "") for kind in kinds if kind]
    parts = dict.fromkeys(part + inverse for text, inverse in texts for part in text.split(sign))
    words = [part for part in parts if not re.fullmatch(r"[\d.e+−-]+(⁻¹)?", part)] or list(parts)
    inside = sign.join(map(_grouped, words) if sign == "·" and len(words) > 1 else words)
    return f"diag({inside if len(inside) <= _LONGEST else '…'})"


def _grouped(text: str) -> str:
    """A sum or a difference in parentheses."""
    return f"({text})" if re.search(r" [+−] ", text) and not text.startswith("(") else text


_LONGEST = 32  # letters of a label, so that two programs stand side by side
