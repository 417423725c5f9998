"""LeNet-5, after LeCun, Bottou, Bengio & Haffner, *Gradient-based learning applied to document recognition* (1998)."""

from minicnn.nn import Activation, Conv, Dense, Flatten, MaxPool, Sequential


def LeNet5(classes: int = 10, activation: str = "relu") -> Sequential:
    """The modern LeNet-5 for 32×32 images of one channel: full C3, plain max pooling, softmax outputs.

    C5 is a convolution whose output happens to be 1×1, as in the paper. 61,706 parameters.

    Args:
        classes: number of outputs.
        activation: name of the activation after each layer with weights.

    >>> model = LeNet5()
    >>> params = model.init(jax.random.key(0), (32, 32, 1))
    >>> sum(p.size for p in jax.tree.leaves(params))
    61706
    """
    squash = Activation(activation)
    named = {
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
    return Sequential(tuple(named.values()), tuple(named))
