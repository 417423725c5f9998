"""The LeNets of LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998)."""

from minicnn.arguments import flag
from minicnn.nn import Activation, Conv, Dense, Flatten, Layer, MaxPool, Rbf, Sequential, Subsample
from minicnn.nn.initializers import lecun_1998
from minicnn.zoo.bitmaps import BITMAPS

Mask = tuple[tuple[int, ...], ...]

# For each map of C3 the maps of S2 that it reads: table I of the paper.
_C3_INPUTS = "012 123 234 345 045 015 0123 1234 2345 0345 0145 0125 0134 1245 0235 012345"
# The same for LeNet-1, from LeCun et al., *Handwritten digit recognition with a back-propagation network* (1990).
_H3_INPUTS = "0 01 01 1 01 01 2 23 23 3 23 23"


def LeNet5(classes: int = 10, activation: str = "relu", *, original: bool = False) -> Sequential:
    """LeNet-5 for 32×32 images of one channel: today's, or the one of 1998.

    Today's has a full C3, plain max pooling and softmax outputs: 61,706 parameters. C5 is a convolution whose output
    happens to be 1×1, as in the paper.

    The original has the paper's table of connections in C3, trainable sub-sampling, 1.7159·tanh(2x/3) after every
    layer up to F6, and as outputs the squared distances of F6 to a bitmap of each digit, the smallest being the
    answer: 60,000 trainable parameters and 340,908 connections. Its loss is `minicnn.nn.losses.competitive`.

    Args:
        classes: number of outputs; the original has 10.
        activation: name of the activation after each layer with weights; the original has LeCun's.
        original: the network of 1998.

    Raises:
        ValueError: if the original is asked for other classes or another activation.

    >>> for original in (False, True):
    ...     params = LeNet5(original=original).init(jax.random.key(0), (32, 32, 1))
    ...     print(sum(p.size for p in jax.tree.leaves(params)))
    61706
    60000
    """
    if flag("original", original):
        if classes != len(BITMAPS) or activation not in ("relu", "lecun_tanh"):
            raise ValueError(f"`classes`={classes}, `activation`={activation!r}: the original is fixed, give neither")
        return _lenet5_1998()
    squash = Activation(activation)
    return _named(
        {
            "C1": Conv(6, (5, 5)),
            "C1 activation": squash,
            "S2": MaxPool((2, 2)),
            "C3": Conv(16, (5, 5)),
            "C3 activation": squash,
            "S4": MaxPool((2, 2)),
            "C5": Conv(120, (5, 5)),
            "C5 activation": squash,
            "flatten": Flatten(),
            "F6": Dense(84),
            "F6 activation": squash,
            "output": Dense(classes),
        }
    )


def LeNet1() -> Sequential:
    """LeNet-1: 2,578 parameters and 98,442 connections, on the inner 28×28 of a 32×32 image of one channel.

    Its last layer gives ten scores, for softmax.

    >>> params = LeNet1().init(jax.random.key(0), (32, 32, 1))
    >>> sum(p.size for p in jax.tree.leaves(params))
    2578
    """
    return _squashed(
        {
            "H1": _conv(4, padding=-2),
            "H2": _subsample(),
            "H3": _conv(12, mask=_mask(_H3_INPUTS, 4)),
            "H4": _subsample(),
            "flatten": Flatten(),
        },
        {"output": Dense(10, w_init=lecun_1998)},
    )


def LeNet4() -> Sequential:
    """LeNet-4: 4, 4, 16 and 16 maps, 120 units and 10 scores for 32×32 images of one channel.

    The paper gives about 17,000 parameters and about 260,000 connections, but no table for the 120 units. Here each
    reads four or five neighbours among the 16 maps, which makes 17,090 and 264,386.

    >>> params = LeNet4().init(jax.random.key(0), (32, 32, 1))
    >>> sum(p.size for p in jax.tree.leaves(params))
    17090
    """
    read = [{(unit + step) % 16 for step in range(5 if unit % 3 else 4)} for unit in range(120)]
    return _squashed(
        {
            "C1": _conv(4),
            "S2": _subsample(),
            "C3": _conv(16),
            "S4": _subsample(),
            "C5": _conv(120, mask=tuple(tuple(int(c in maps) for maps in read) for c in range(16))),
            "flatten": Flatten(),
        },
        {"output": Dense(10, w_init=lecun_1998)},
    )


def _lenet5_1998() -> Sequential:
    return _squashed(
        {
            "C1": _conv(6),
            "S2": _subsample(),
            "C3": _conv(16, mask=_mask(_C3_INPUTS, 6)),
            "S4": _subsample(),
            "C5": _conv(120),
            "flatten": Flatten(),
            "F6": Dense(84, w_init=lecun_1998),
        },
        {"output": Rbf(BITMAPS)},
    )


def _conv(channels: int, *, padding: int = 0, mask: Mask | None = None) -> Conv:
    return Conv(channels, (5, 5), padding=padding, mask=mask, w_init=lecun_1998)


def _subsample() -> Subsample:
    return Subsample((2, 2))


def _mask(inputs: str, channels: int) -> Mask:
    """The table of connections of maps that read these maps of the layer before."""
    return tuple(tuple(int(str(c) in read) for read in inputs.split()) for c in range(channels))


def _squashed(layers: dict[str, Layer], output: dict[str, Layer]) -> Sequential:
    """LeCun's activation behind each layer that has weights, and the output layer at the end."""
    squash = Activation("lecun_tanh")
    named = {}
    for name, layer in layers.items():
        named[name] = layer
        if not isinstance(layer, Flatten):
            named[f"{name} activation"] = squash
    return _named(named | output)


def _named(layers: dict[str, Layer]) -> Sequential:
    return Sequential(tuple(layers.values()), tuple(layers))
