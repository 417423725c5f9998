"""Networks of the literature, and networks from a pattern."""

from minicnn.zoo.lenet import LeNet1, LeNet4, LeNet5
from minicnn.zoo.pattern import CifarNet, from_pattern

__all__ = ["CifarNet", "LeNet1", "LeNet4", "LeNet5", "from_pattern"]
