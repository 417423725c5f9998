"""Write adjoints.md: which layers of other libraries are true adjoints. `python docs/adjoints.py`, a few minutes.

What is not installed keeps the rows that the page has.
"""

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from minicnn.identities import certify_model
from minicnn.lift.models import made, read_model

PAGE = Path(__file__).with_name("adjoints.md")
KEY = jax.random.key(0)
LIBRARIES = {"flax": "flax", "equinox": "equinox", "haiku": "dm-haiku", "torch": "torch"}

# What each library calls its layers, and the shapes that they are applied to: an image has two channels.
IMAGE, CHANNELS_FIRST = (1, 5, 5, 2), (2, 5, 5)
FLAX = {
    "nnx.Conv(2, 3, (3, 3))": IMAGE,
    "nnx.Conv(2, 2, (3, 3), feature_group_count=2, kernel_dilation=2)": IMAGE,
    "nnx.ConvTranspose(2, 3, (3, 3), strides=2)": (1, 3, 3, 2),
    "nnx.Linear(4, 3)": (2, 4),
    "nnx.BatchNorm(2)": (3, 2),
    "nnx.LayerNorm(4)": (2, 4),
    "nnx.GroupNorm(4, num_groups=2)": (2, 3, 4),
    "nnx.MultiHeadAttention(2, 4, decode=False)": (3, 4),
    "linen.RNN(linen.LSTMCell(3))": (3, 2),
    "linen.RNN(linen.GRUCell(3))": (3, 2),
    "linen.max_pool, (2, 2), (2, 2)": (1, 4, 4, 2),
    "linen.avg_pool, (2, 2), (2, 2)": (1, 4, 4, 2),
}
EQUINOX = {
    "nn.Conv2d(2, 3, 3)": CHANNELS_FIRST,
    "nn.ConvTranspose2d(2, 3, 3, stride=2)": (2, 3, 3),
    "nn.Linear(4, 3)": (4,),
    "nn.LayerNorm(4)": (4,),
    "nn.GroupNorm(2, 4)": (4, 3),
    "nn.RMSNorm(4)": (4,),
    "nn.MaxPool2d(2, 2)": (2, 4, 4),
    "nn.AvgPool2d(2, 2)": (2, 4, 4),
    "nn.AdaptiveAvgPool2d(2)": CHANNELS_FIRST,
}
HAIKU = {
    "Conv2D(3, 3)": IMAGE,
    "Conv2DTranspose(3, 3, 2)": (1, 3, 3, 2),
    "DepthwiseConv2D(1, 3)": IMAGE,
    "Linear(3)": (2, 4),
    "LayerNorm(-1, True, True)": (2, 4),
    "MaxPool((2, 2, 1), (2, 2, 1), 'VALID')": (1, 4, 4, 2),
    "AvgPool((2, 2, 1), (2, 2, 1), 'VALID')": (1, 4, 4, 2),
}
TORCH = {
    "nn.Conv2d(2, 3, 3)": (1, 2, 5, 5),
    "nn.Conv2d(2, 2, 3, groups=2, dilation=2)": (1, 2, 5, 5),
    "nn.ConvTranspose2d(2, 3, 3, stride=2)": (1, 2, 3, 3),
    "nn.Linear(4, 3)": (2, 4),
    "nn.BatchNorm1d(2)": (3, 2),
    "nn.LayerNorm(4)": (2, 4),
    "nn.GroupNorm(2, 4)": (2, 4, 3),
    "nn.MaxPool2d(2)": (1, 2, 4, 4),
    "nn.AvgPool2d(2)": (1, 2, 4, 4),
    "nn.Upsample(scale_factor=2, mode='bilinear')": (1, 1, 3, 3),
    "nn.PixelShuffle(2)": (1, 4, 2, 2),
    "nn.Unfold(2)": (1, 1, 3, 3),
    "nn.GELU()": (4,),
}
LAYERS = {"flax": FLAX, "equinox": EQUINOX, "haiku": HAIKU, "torch": TORCH}


def layer(library: str, text: str) -> Any:
    """What the text of a row makes: Python of this page, in the library's own names."""
    names = vars(import_module(library)) | {"linen": _module("flax.linen"), "nnx": _module("flax.nnx")}
    if library == "haiku":
        return names["transform"](lambda x: eval(text, dict(names))(x))
    if library == "torch":
        return eval(text, names | {"nn": import_module("torch.nn")})
    function, comma, arguments = text.partition(", ")
    if comma and function.endswith("_pool"):
        return lambda x: eval(function, names)(x, *eval(arguments))
    given = {"rngs": "nnx.Rngs(0)", "key": "key"}
    word = {"nnx": "rngs", "nn": "key"}.get(text.partition(".")[0])
    takes = word if word and word in _parameters(eval(function.partition("(")[0], dict(names))) else None
    call = text if takes is None else f"{text[:-1]}, {takes}={given[takes]})"
    return eval(call, names | {"key": KEY})


def _parameters(kind: Any) -> str:
    import inspect

    return str(inspect.signature(kind.__init__))


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        return None


def certified(library: str, text: str) -> str:
    """The row of a layer: what it is, and whether its derivative is the transpose of its matrix."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=LAYERS[library][text]), jnp.float32)
    found = certify_model(layer(library, text), x)
    kind = found[0].kind if found[0].kind in ("linear", "affine") else "at a point"
    entries = sum(comparison.entries for certificate in found for comparison in certificate.comparisons)
    return f"| {library} | `{text}` | {kind} | {'yes' if all(c.ok for c in found) else '**no**'} | {entries:,} |"


class Pair(NamedTuple):
    """A convolution and what the library calls its transpose, with the same kernel as it stores it.

    Attributes:
        convolution: without bias, from two channels to three, stride 2.
        transposed: from three to two; a kernel of another shape has its channels exchanged.
        shapes: of their inputs.
    """

    convolution: str
    transposed: str
    shapes: tuple[tuple[int, ...], tuple[int, ...]]


_FLAX = "nnx.Conv(2, 3, (3, 3), strides=2, padding='VALID', use_bias=False)"
PAIRS = {
    "flax": [
        Pair(_FLAX, f"nnx.ConvTranspose(3, 2, (3, 3), strides=2, padding='VALID', use_bias=False{more})", shapes)
        for shapes in [((1, 7, 7, 2), (1, 3, 3, 3))]
        for more in ("", ", transpose_kernel=True")
    ],
    "equinox": [
        Pair(
            "nn.Conv2d(2, 3, 3, stride=2, use_bias=False)",
            "nn.ConvTranspose2d(3, 2, 3, stride=2, use_bias=False)",
            ((2, 7, 7), (3, 3, 3)),
        )
    ],
    "haiku": [
        Pair(
            "Conv2D(3, 3, 2, padding='VALID', with_bias=False)",
            "Conv2DTranspose(2, 3, 2, padding='VALID', with_bias=False)",
            ((1, 7, 7, 2), (1, 3, 3, 3)),
        )
    ],
    "torch": [
        Pair(
            "nn.Conv2d(2, 3, 3, stride=2, bias=False)",
            "nn.ConvTranspose2d(3, 2, 3, stride=2, bias=False)",
            ((1, 2, 7, 7), (1, 3, 3, 3)),
        )
    ],
}


def adjoint(library: str, pair: Pair) -> str:
    """The row of a pair: whether one's matrix is the transpose of the other's, or of the flipped convolution's."""
    C, w = _matrix(library, pair.convolution, pair.shapes[0])
    D, _ = _matrix(library, pair.transposed, pair.shapes[1], w)
    spatial = (0, 1) if library in ("flax", "haiku") else (2, 3)
    flipped, _ = _matrix(library, pair.convolution, pair.shapes[0], np.flip(w, spatial))
    verdict = (
        "yes" if (D == C.T).all() else "**no**: that of the flipped kernel" if (D == flipped.T).all() else "**no**"
    )
    return f"| {library} | `{pair.transposed}` | `{pair.convolution}` | {verdict} |"


def _matrix(library: str, text: str, shape: tuple[int, ...], kernel: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """The matrix of a layer whose kernel holds the integers from 1, or these, with channels exchanged if need be."""
    x = jnp.zeros(shape)
    model = read_model(made(layer(library, text), KEY), x, key=KEY)
    is_kernel = lambda leaf: getattr(leaf, "ndim", 0) == 4
    (own,) = [leaf for leaf in jax.tree.leaves(model.params) if is_kernel(leaf)]
    w = np.arange(1.0, own.size + 1).reshape(own.shape) if kernel is None else kernel
    if w.shape != own.shape:
        w = w.swapaxes(*((-1, -2) if library in ("flax", "haiku") else (0, 1)))
    params = jax.tree.map(lambda leaf: jnp.asarray(w, jnp.float32) if is_kernel(leaf) else leaf, model.params)
    units = jnp.eye(x.size).reshape(x.size, *shape)
    return np.stack([np.ravel(model.f(params, unit)) for unit in units], 1), w


def rows(library: str) -> Iterator[str]:
    """The rows of both tables that a library has."""
    yield from (certified(library, text) for text in LAYERS[library])
    yield from (adjoint(library, pair) for pair in PAIRS[library])


HEAD = """# Which layers are true adjoints

`python docs/adjoints.py` wrote this page. Each layer is certified as [certificates](certificates.md) say: whole, as
a function of its input, and, where JAX can look into it, operation by operation, for its parameters as well. The matrix
is found entry by entry, and the gradient of the library is held against its transpose. PyTorch's modules are called by
JAX; where they are not linear, the other side are central differences in float64.

"""
MIDDLE = """
## Is the transposed convolution the transpose of the convolution?

Whether a layer *called* transposed is the adjoint of the library's own convolution with the same kernel is another
question: both matrices are multiplied out, the kernel holds different integers, and nothing may differ.
[Which transposed convolution is this?](transposed_convention.md) has the arguments that make them agree.

"""


def page(found: dict[str, list[str]], versions: dict[str, str]) -> str:
    """The whole page."""
    names = ", ".join(f"{name} {number}" for name, number in versions.items())
    layers = ["| library | layer | what it is | gradient = Cᵀ | entries compared |", "|---|---|---|---|---|"]
    pairs = ["| library | transposed | of | adjoint |", "|---|---|---|---|"]
    for own in found.values():
        for row in own:
            (layers if row.count("|") == 6 else pairs).append(row)
    return f"{HEAD}Versions: {names}.\n\n" + "\n".join(layers) + "\n" + MIDDLE + "\n".join(pairs) + "\n"


def main() -> None:
    """Write the page."""
    before = PAGE.read_text() if PAGE.exists() else ""
    versions = dict(re.findall(r"(\S+) (\d[\w.]*)[,.](?=\s)", before.partition("Versions: ")[2].partition("\n")[0]))
    found: dict[str, list[str]] = {}
    for library, distribution in {"jax": "jax", **LIBRARIES}.items():
        if _module(library) is not None:
            versions[library] = version(distribution)
            found[library] = list(rows(library)) if library in LAYERS else []  # JAX has a version and no rows
            print(*found[library], sep="\n", flush=True)
        else:
            found[library] = [line for line in before.splitlines() if line.startswith(f"| {library} |")]
    PAGE.write_text(page(found, {name: versions[name] for name in found if name in versions}))


if __name__ == "__main__":
    sys.exit(main())
