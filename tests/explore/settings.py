"""Random settings of the explorer, and what the library says about each."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

import minicnn
from minicnn.explore.document import address
from minicnn.functional.local import local_map, tiled_map
from minicnn.functional.pooling import avg_pool_map
from minicnn.maps import Compose, LinearMap
from minicnn.maps.convolution import structure

POOLS = ("max", "average", "lp")
MODES = ("circular", "reflect", "symmetric", "replicate")


@dataclass(frozen=True)
class Numbers:
    """What the library finds for a setting: shapes, the matrix, the output and both gradients."""

    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    w_shape: tuple[int, ...]
    C: np.ndarray
    y: np.ndarray
    x_bar: np.ndarray
    w_bar: np.ndarray | None


@dataclass(frozen=True)
class Drawn:
    """A setting that was drawn: its kind, its numbers per axis, and the arrays that it is given."""

    kind: str
    sizes: dict[str, tuple[int, ...]]
    padding: Any
    options: dict[str, Any]
    channels: tuple[int, int]
    transpose: bool
    values: dict[str, np.ndarray]

    @property
    def state(self) -> dict[str, str]:
        """The setting in the words of the page's address."""
        state = {name: "x".join(map(str, numbers)) for name, numbers in self.sizes.items()}
        state |= {"kind": self.kind, "dims": str(len(self.sizes["input"])), "transpose": str(int(self.transpose))}
        state["padding"] = (
            self.padding if isinstance(self.padding, str) else "x".join(f"{a}:{b}" for a, b in self.padding)
        )
        state["channels"] = "x".join(map(str, self.channels))
        state |= {
            name: str(value if not isinstance(value, bool) else int(value)) for name, value in self.options.items()
        }
        return state | {name: ",".join(f"{value:g}" for value in array.ravel()) for name, array in self.values.items()}

    @property
    def address(self) -> str:
        """The address of the page for it."""
        return address(self.state)


def drawn(rng: np.random.Generator) -> Drawn:
    """Draw a setting that may or may not have a meaning."""
    rank = int(rng.integers(1, 3))
    kind = str(rng.choice(["convolution"] * 6 + ["max", "average", "lp", "local", "tiled"]))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(n) for n in rng.integers(low, high + 1, rank))

    sizes = {
        "input": each(1, 8 if rank == 2 else 14),
        "kernel": each(1, 4),
        "stride": each(1, 3),
        "dilation": each(1, 2),
    }
    words = ["VALID", "SAME", "SAME_LOWER", "FULL", "CAUSAL"]
    padding: Any = (
        str(rng.choice(words))
        if rng.random() < 0.3
        else tuple((a, b) for a, b in zip(each(-1, 3), each(-1, 3), strict=True))
    )
    options: dict[str, Any] = {}
    channels = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    transpose = False
    if kind == "convolution":
        transpose = bool(rng.random() < 0.35)
        if rng.random() < 0.3:
            options["padding_mode"] = str(rng.choice(MODES))
        elif rng.random() < 0.3:
            sizes["stretch"] = each(1, 3)
        options["flip"] = bool(rng.random() < 0.2)
        groups = int(rng.integers(1, 4))
        if all(c % groups == 0 for c in channels):
            options["groups"] = groups
        if transpose:
            sizes["output_padding"] = each(0, 1)
    if kind == "tiled":
        sizes["tile"] = each(1, 3)
    if kind in POOLS:
        channels = (channels[0],) * 2
        options["ceil"] = bool(rng.random() < 0.4)
    if kind == "average":
        options["count_padding"] = bool(rng.random() < 0.5)
    if kind == "lp":
        options["p"] = str(rng.choice(["1", "2", "3", "2.5", "inf"]))
    return Drawn(kind, sizes, padding, options, channels, transpose, {})


def library(setting: Drawn, x: np.ndarray, w: np.ndarray, y_bar: np.ndarray) -> Numbers:
    """Work out a setting with the library's maps, in float64 and without compiling anything.

    Raises:
        ValueError: where the setting has no meaning.
    """
    sizes, (c_in, c_out) = setting.sizes, setting.channels
    given = {"stride": sizes["stride"], "padding": setting.padding, "dilation": sizes["dilation"]}
    if setting.kind in POOLS:
        return _pool(setting, given, x, y_bar)
    if setting.kind == "convolution":
        return _convolution(setting, given, x, w, y_bar)
    axes = minicnn.forms.resolve.windows(sizes["kernel"], sizes["input"], **given)
    places = tuple(axis.out_size for axis in axes) if setting.kind == "local" else sizes["tile"]
    w_shape = (*places, *sizes["kernel"], c_in, c_out)
    make = local_map if setting.kind == "local" else tiled_map
    numbers = np.arange(np.prod(w_shape)).reshape(w_shape)
    A = make(jnp.asarray(numbers), sizes["input"], **given)
    rows, columns, taps = A.entries()
    return _numbers(A, w_shape, rows, columns, np.asarray(taps), x, w, y_bar)


def _convolution(setting: Drawn, given: dict[str, Any], x: np.ndarray, w: np.ndarray, y_bar: np.ndarray) -> Numbers:
    sizes, options = setting.sizes, setting.options
    c_in, c_out = setting.channels[::-1] if setting.transpose else setting.channels
    groups = options.get("groups", 1)
    given |= {"stretch": sizes.get("stretch", 1), "groups": groups, "flip": options["flip"]}
    given |= {"padding_mode": options.get("padding_mode", "zeros")}
    w_shape = (*sizes["kernel"], c_in // groups, c_out)
    in_size = sizes["input"]
    if setting.transpose:
        resolved = minicnn.forms.resolve.Convolution.onto(w_shape, in_size, None, sizes["output_padding"], **given)
        axes = resolved.pads or resolved.geometry.axes
        in_size = tuple(axis.in_size for axis in axes)
    A = minicnn.conv_map(jnp.ones(w_shape), in_size, **given)
    core = A.factors[0] if isinstance(A, Compose) else A
    rows, columns, taps = structure(core.geometry)
    if isinstance(A, Compose):
        copied, source, _ = A.factors[1].entries()
        original = np.full(A.factors[1].shape[0], -1)
        original[copied] = source
        columns = original[columns]
        rows, columns, taps = (each[columns >= 0] for each in (rows, columns, taps))
    if setting.transpose:
        A, rows, columns = A.T, columns, rows
    return _numbers(A, w_shape, rows, columns, taps, x, w, y_bar)


def _pool(setting: Drawn, given: dict[str, Any], x: np.ndarray, y_bar: np.ndarray) -> Numbers:
    sizes, options = setting.sizes, setting.options
    in_shape, given = (*sizes["input"], setting.channels[0]), given | {"ceil_mode": options["ceil"]}
    A = avg_pool_map(in_shape, sizes["kernel"], **given, count_include_pad=options.get("count_padding", False))
    rows, columns, _ = A.entries()
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    values = x.ravel()[columns]
    if setting.kind == "average":
        coefficients = 1 / np.broadcast_to(np.asarray(A.count), A.out_shape).ravel()[rows]
    elif setting.kind == "max" or options["p"] == "inf":
        size = values if setting.kind == "max" else np.abs(values)
        largest = np.full(A.shape[0], -np.inf)
        np.maximum.at(largest, rows, size)
        hits = np.flatnonzero(size == largest[rows])
        first = hits[np.unique(rows[hits], return_index=True)[1]]
        coefficients = np.zeros(len(rows))
        coefficients[first] = 1 if setting.kind == "max" else np.sign(values[first])
    else:
        p = float(options["p"])
        norms = np.bincount(rows, np.abs(values) ** p, A.shape[0]) ** (1 / p)
        with np.errstate(divide="ignore", invalid="ignore"):
            coefficients = np.where(
                norms[rows] * values != 0, np.sign(values) * (np.abs(values) / norms[rows]) ** (p - 1), 0
            )
    C = np.zeros(A.shape)
    C[rows, columns] = coefficients
    return Numbers(A.in_shape, A.out_shape, (*sizes["kernel"], 1, 1), C, C @ x.ravel(), C.T @ y_bar.ravel(), None)


def _numbers(
    A: LinearMap, w_shape: tuple[int, ...], rows: Any, columns: Any, taps: Any, x: Any, w: Any, y_bar: Any
) -> Numbers:
    C = np.zeros(A.shape)
    np.add.at(C, (rows, columns), w.ravel()[taps])
    w_bar = np.bincount(taps, x.ravel()[columns] * y_bar.ravel()[rows], int(np.prod(w_shape)))
    return Numbers(A.in_shape, A.out_shape, w_shape, C, C @ x.ravel(), C.T @ y_bar.ravel(), w_bar)
