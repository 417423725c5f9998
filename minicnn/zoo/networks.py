"""The table of networks: how each is built, what it takes, and the numbers its paper gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from minicnn.nn import Sequential
from minicnn.zoo.lenet import LeNet1, LeNet4, LeNet5
from minicnn.zoo.pattern import CifarNet


@dataclass(frozen=True)
class Network:
    """A network as the command line knows it.

    Attributes:
        build: makes it.
        in_shape: of one image.
        published: parameters and connections of some layers, and of `total`, as words: "1,516", "≈ 17,000".
    """

    build: Callable[[], Sequential]
    in_shape: tuple[int, ...] = (32, 32, 1)
    published: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)


NETWORKS = {
    "lenet5": Network(LeNet5),
    "lenet5-1998": Network(
        lambda: LeNet5(original=True),
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
