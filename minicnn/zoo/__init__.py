"""Networks by name."""

from minicnn.zoo.lenet import LeNet5

__all__ = ["LeNet5"]
