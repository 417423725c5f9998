"""Any JAX function with its convolutions and pools replaced by ours, where that is expected to pay."""

from minicnn.acceleration.accelerating import Accelerated, accelerate
from minicnn.acceleration.listing import Listing

__all__ = ["Accelerated", "Listing", "accelerate"]
