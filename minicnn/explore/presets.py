"""Settings with a name: the animations of the convolution-arithmetic guide, and other examples that people know."""

from minicnn.draw.guide import PUBLISHED, Published, W, X
from minicnn.explore.setting import address

Preset = dict[str, str]

_GUIDE = "Guide to convolution arithmetic"
_KINDS = {"convolution": "convolution", "transposed": "convolution", "average": "average", "max": "max"}

# Name and state. The product of Dive into Deep Learning's chapter 7.2 is its own: 19, 25, 37, 43.
_OTHERS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("Textbooks", "A 3×3 kernel on 4×4", {"input": "4"}),
    ("Textbooks", "Dive into Deep Learning", {"input": "3", "kernel": "2", "x": "0,1,2,3,4,5,6,7,8", "w": "0,1,2,3"}),
    ("Textbooks", "A difference of neighbours", {"input": "8", "kernel": "2", "dims": "1", "w": "-1,1"}),
    ("Layers", "LeNet's first layer, one map", {"input": "32", "kernel": "5"}),
    ("Layers", "Max pooling 2×2", {"kind": "max", "input": "6", "kernel": "2"}),
    ("Layers", "Overlapping max pooling", {"kind": "max", "input": "7", "kernel": "3", "stride": "2"}),
    ("Layers", "Lp pooling", {"kind": "lp", "input": "6", "kernel": "2"}),
    ("Layers", "Locally connected", {"kind": "local", "input": "4", "kernel": "2"}),
    ("Layers", "Tiled convolution", {"kind": "tiled", "input": "8", "kernel": "3", "dims": "1"}),
    ("Layers", "Three channels to two", {"input": "4", "kernel": "2", "channels": "3x2"}),
    ("Layers", "Depthwise: groups", {"input": "4", "kernel": "3", "padding": "1", "channels": "2", "groups": "2"}),
    ("Layers", "1×1 kernel, three channels", {"input": "3", "kernel": "1", "channels": "3"}),
    (
        "Padding",
        "Circular: a circulant",
        {"input": "8", "kernel": "3", "dims": "1", "padding": "1", "padding_mode": "circular"},
    ),
    (
        "Padding",
        "Reflected edges",
        {"input": "8", "kernel": "3", "dims": "1", "padding": "1", "padding_mode": "reflect"},
    ),
    (
        "Padding",
        "Symmetric edges",
        {"input": "8", "kernel": "5", "dims": "1", "padding": "2", "padding_mode": "symmetric"},
    ),
    (
        "Padding",
        "Causal and dilated",
        {"input": "10", "kernel": "3", "dims": "1", "padding": "CAUSAL", "dilation": "2"},
    ),
    ("Padding", "Negative: cropped", {"input": "6", "kernel": "3", "padding": "-1:1"}),
    ("Pitfalls", "Inputs that nothing reads", {"input": "6", "kernel": "2", "stride": "3", "padding": "0"}),
    (
        "Pitfalls",
        "Checkerboard of a transposed convolution",
        {"input": "4", "kernel": "3", "stride": "2", "transpose": "1"},
    ),
    ("Pitfalls", "Two sizes, one output: the remainder", {"input": "6", "kernel": "3", "stride": "2", "padding": "1"}),
)


def presets() -> list[Preset]:
    """List all of them: each with its group, its name and its address."""
    guide = ((_GUIDE, _name(published), _state(published)) for published in PUBLISHED)
    return [{"group": group, "name": name, "address": address(state)} for group, name, state in (*_OTHERS, *guide)]


def _name(published: Published) -> str:
    return published.name.replace("_", " ").capitalize()


def _state(published: Published) -> dict[str, str]:
    """One animation of the guide, with its numbers where it has any."""
    pool = published.kind in ("average", "max")
    numbers = {
        "kind": _KINDS[published.kind],
        "transpose": "1" if published.kind == "transposed" else "0",
        "input": str(published.o if published.kind == "transposed" else published.i),
        "kernel": str(published.k),
        "stride": str(published.s),
        "padding": str(published.p),
        "dilation": str(published.d),
        "output_padding": str(published.a),
    }
    usual = {"kind": "convolution", "transpose": "0", "stride": numbers["kernel"] if pool else "1"}
    usual |= {"padding": "0", "dilation": "1", "output_padding": "0"}
    state = {name: text for name, text in numbers.items() if usual.get(name) != text}
    if published.numbers:
        state["x"] = ",".join(map(str, X.ravel()))
    if published.numbers and not pool:
        state["w"] = ",".join(map(str, W.ravel()))
    return state
