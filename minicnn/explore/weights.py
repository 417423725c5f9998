"""The network of the page: LeNet-5's parameters in half precision, with a digit of each class to begin with."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from minicnn.zoo import LeNet5

WEIGHTS = Path(__file__).with_name("lenet5.safetensors")


def load_weights() -> tuple[Any, ...]:
    """Load the parameters that the page is written with, as those of `LeNet5()`, in single precision."""
    halves = load_file(WEIGHTS)
    single = {name: tensor.astype(np.float32) for name, tensor in halves.items() if tensor.dtype == np.float16}
    parts = ("w", "b")
    return tuple(
        {part: single[f"{name}.{part}"] for part in parts if f"{name}.{part}" in single} for name in LeNet5().names
    )
