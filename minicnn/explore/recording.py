"""From a recorded run to the network of the page: `python -m minicnn.explore.recording RUN`."""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from minicnn.disk import write_whole
from minicnn.explore.weights import WEIGHTS
from minicnn.train import Run
from minicnn.train.trained import Trained


def write_weights(folder: Path, path: Path = WEIGHTS) -> Path:
    """Write the parameters of a finished run in half precision, and the first test image of each class in bytes.

    Args:
        folder: of a run of lenet5.
        path: of the file.

    Raises:
        ValueError: if the run is of another network.
    """
    run = Run.open(folder)
    if run.config.model != "lenet5":
        raise ValueError(f"{folder} is a run of {run.config.model}: the page draws lenet5")
    trained = Trained.of(run)
    layers = zip(trained.model.names, trained.params, strict=True)
    tensors: dict[str, np.ndarray] = {
        f"{name}.{part}": np.asarray(array, np.float16) for name, params in layers for part, array in params.items()
    }
    low, high = trained.data.pixels
    test = trained.data.test
    firsts = [int(np.flatnonzero(test.labels == label)[0]) for label in range(len(trained.data.classes))]
    digits = (test.images[firsts, ..., 0] - low) / (high - low)
    tensors["digits"] = np.rint(digits * 255).astype(np.uint8)
    told = {"config": json.dumps(run.config.to_json()), "test_accuracy": str(run.last_record().test_accuracy)}
    write_whole(path, save(tensors, told))
    return path


if __name__ == "__main__":
    print(f"wrote {write_weights(Path(sys.argv[1]))}")
