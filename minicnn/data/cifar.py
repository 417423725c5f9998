"""CIFAR-10, from its binary files."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from minicnn.data.dataset import Dataset, Split
from minicnn.data.sources import Source, locate

_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))

CIFAR10 = Source(
    name="cifar10",
    parts=(_BATCHES, ("test_batch.bin",)),
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
    ),
    downloads={"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    folders=("cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"),
)
_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_RECORD = 1 + 3 * 32 * 32
_MAX_IMAGES = 10_000


def cifar10(data_dir: Path | str | None = None) -> Dataset:
    """CIFAR-10: 50,000 photographs of 32×32×3 to train and 10,000 to test, scaled to −1 … 1.

    A part of the five training batches is enough; a warning then says how many images there are.

    Args:
        data_dir: a folder with a folder `cifar10` of the binary version's files; see `minicnn.data.sources.locate`
            for where else they are looked for.

    Raises:
        FileNotFoundError: if the files are nowhere and cannot be downloaded.
        ValueError: if a file is damaged, naming it.
    """
    batches, test = locate(CIFAR10, data_dir)
    train = _split(batches)
    if len(batches) < len(_BATCHES):
        warnings.warn(
            f"{batches[0].parent} holds {len(batches)} of the {len(_BATCHES)} training batches of CIFAR-10: training "
            f"uses their {len(train):,} images",
            stacklevel=2,
        )
    return Dataset(CIFAR10.name, _CLASSES, train, _split(test), pixels=(-1.0, 1.0))


def _split(paths: Sequence[Path]) -> Split:
    records = np.concatenate([_records(path) for path in paths])
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)) * np.float32(2 / 255) - np.float32(1)
    return Split(images, records[:, 0].astype(np.int32))


def _records(path: Path) -> np.ndarray:
    """Return one row per image: its label, then its red, green and blue planes."""
    size, most = path.stat().st_size, _MAX_IMAGES * _RECORD
    if size == 0 or size % _RECORD or size > most:
        raise ValueError(
            f"{path} has {size:,} bytes: a batch has {_RECORD} for each of its images, and {most:,} if it is whole"
        )
    records = np.fromfile(path, np.uint8, size).reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(f"{path} holds the label {records[:, 0].max()}: labels are 0 to 9")
    return records
