"""Small files in the formats of the data sets."""

import gzip
import struct

import numpy as np

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
RNG = np.random.default_rng(0)
IMAGES = {"train": RNG.integers(0, 256, (5, 28, 28)).astype("u1"), "t10k": np.full((2, 28, 28), 255, "u1")}
LABELS = {"train": np.array([3, 1, 4, 1, 5], "u1"), "t10k": np.array([9, 0], "u1")}


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder, images=IMAGES, labels=LABELS, compress=True):
    folder.mkdir(parents=True, exist_ok=True)
    for part in images:
        for array, name in ((images[part], f"{part}-images-idx3-ubyte"), (labels[part], f"{part}-labels-idx1-ubyte")):
            content = idx(array)
            (folder / (name + ".gz" * compress)).write_bytes(gzip.compress(content) if compress else content)


def write_cifar(folder, *names, labels=(7, 2), pixels=None):
    folder.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (len(labels), 3072)).astype("u1") if pixels is None else pixels
    for name in names:
        (folder / name).write_bytes(np.column_stack([np.array(labels, "u1"), pixels]).tobytes())
    return pixels
