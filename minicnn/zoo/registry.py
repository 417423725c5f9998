"""Networks by name: the one table of them, with what each takes and the numbers that its paper gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from minicnn.arguments import look_up
from minicnn.nn import Sequential
from minicnn.zoo.lenet import LeNet1, LeNet4, LeNet5
from minicnn.zoo.pattern import CifarNet


@dataclass(frozen=True)
class Network:
    """A network that has a name.

    Attributes:
        build: the function that makes it.
        in_shape: the shape of one image, (height, width, channels).
        published: the numbers of parameters and connections of some layers, and of `total`, as the paper writes them:
            "1,516", "≈ 17,000".
    """

    build: Callable[[], Sequential]
    in_shape: tuple[int, ...] = (32, 32, 1)
    published: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)


NETWORKS = {
    "lenet5": Network(LeNet5),
    "lenet5-1998": Network(
        partial(LeNet5, original=True),
        published={
            "C1": ("156", "122,304"),
            "S2": ("12", "5,880"),
            "C3": ("1,516", "151,600"),
            "S4": ("32", "2,000"),
            "C5": ("48,120", "48,120"),
            "F6": ("10,164", "10,164"),
            "output": ("0", "840"),
            "total": ("60,000", "340,908"),
        },
    ),
    "lenet1": Network(LeNet1, published={"total": ("2,578", "98,442")}),
    "lenet4": Network(LeNet4, published={"total": ("≈ 17,000", "≈ 260,000")}),
    "cifarnet": Network(CifarNet, (32, 32, 3)),
}


def network(name: str) -> Network:
    """A network by name.

    Raises:
        ValueError: listing the names there are.

    >>> network("cifarnet").in_shape
    (32, 32, 3)
    """
    return look_up("model", name, NETWORKS)
