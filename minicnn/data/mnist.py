"""MNIST and the sets in its format: QMNIST, EMNIST's digits and Fashion-MNIST."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from minicnn.data.dataset import Dataset, Split
from minicnn.data.idx import read_idx
from minicnn.data.sources import Source, locate_one

_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def _names(name: str) -> tuple[str, ...]:
    """List the names of a file that people have: as published, unpacked, as 7-zip unpacks it, in a folder."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return (name, plain, f"{dotted}.gz", dotted, f"{plain}/{plain}", f"{dotted}/{dotted}")


def _parts(*names: str) -> tuple[tuple[str, ...], ...]:
    return tuple(_names(name) for name in names)


MNIST = Source(
    name="mnist",
    parts=_parts(*_FILES),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    downloads=dict(
        zip(
            _FILES,
            (
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            strict=True,
        )
    ),
    folders=("MNIST/raw", "MNIST", "raw"),
)
FASHION = Source(
    name="fashion",
    parts=_parts(*_FILES),
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    downloads=dict(
        zip(
            _FILES,
            (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
            strict=True,
        )
    ),
    folders=("FashionMNIST/raw", "FashionMNIST", "fashion-mnist", "fashion_mnist", "raw"),
)
QMNIST = Source(
    name="qmnist",
    parts=_parts(
        *(f"qmnist-{part}-{kind}.gz" for part in ("train", "test") for kind in ("images-idx3-ubyte", "labels-idx2-int"))
    ),
    folders=("QMNIST/raw", "QMNIST", "raw"),
)
# The parts of EMNIST whose classes are the digits.
EMNIST = tuple(
    Source(
        name="emnist",
        parts=_parts(
            *(
                f"emnist-{chosen}-{part}-{kind}.gz"
                for part in ("train", "test")
                for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
            )
        ),
        folders=("EMNIST/raw", "EMNIST", "raw", "gzip", "emnist/gzip", "EMNIST/gzip"),
    )
    for chosen in ("digits", "mnist")
)
_DIGITS = tuple(map(str, range(10)))
_CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_SIDE = 28
# QMNIST says more of each image than its class: the writer, for one.
_QMNIST_FACTS = 8
# EMNIST's digits are the largest of the sets.
_MAX_IMAGES = 240_000


# How the test labels of sets begin whose files have the same names.
_BEGINNINGS = {"mnist": (7, 2, 1, 0, 4, 1, 4, 9, 5, 9), "fashion": (9, 2, 1, 1, 6, 1, 4, 6, 5, 7)}


def mnist(data_dir: Path | str | None = None) -> Dataset:
    """MNIST: 60,000 handwritten digits to train and 10,000 to test, each centred in 32×32 as LeNet-5 has them.

    Pixels are scaled to −0.1 (paper) … 1.175 (ink), the two levels of LeNet-5's paper. It says that this makes their
    mean about 0 and their variance about 1; measured on the training images, they are 0.028 and 0.123.

    Where a folder holds QMNIST or EMNIST in place of MNIST, their digits are taken; the data set's name says so.

    Args:
        data_dir: a folder with the IDX files, or with a folder `mnist`, or torchvision's `MNIST/raw`, that has them;
            see `minicnn.data.sources.locate` for where else they are looked for.

    Raises:
        FileNotFoundError: if the files are nowhere and cannot be downloaded.
        ValueError: if a file is damaged, of another set, or does not fit the others, naming it.
    """
    return _load((MNIST, QMNIST, *EMNIST), _DIGITS, data_dir)


def qmnist(data_dir: Path | str | None = None) -> Dataset:
    """QMNIST: MNIST with 60,000 test images in place of 10,000.

    Args:
        data_dir: a folder with the IDX files, or with a folder `qmnist` or `QMNIST/raw` that has them.

    Raises:
        FileNotFoundError: if the files are nowhere; they are not downloaded.
        ValueError: if a file is damaged or does not fit the others, naming it.
    """
    return _load((QMNIST,), _DIGITS, data_dir)


def emnist(data_dir: Path | str | None = None) -> Dataset:
    """The digits of EMNIST: 240,000 to train and 40,000 to test, or its own 70,000 of MNIST where only those are.

    Args:
        data_dir: a folder with the IDX files, or with a folder `emnist` or `EMNIST/raw` that has them.

    Raises:
        FileNotFoundError: if the files are nowhere; they are not downloaded.
        ValueError: if a file is damaged or does not fit the others, naming it.
    """
    return _load(EMNIST, _DIGITS, data_dir)


def fashion_mnist(data_dir: Path | str | None = None) -> Dataset:
    """Fashion-MNIST: 70,000 pictures of clothes in the format of MNIST, and scaled and centred like it.

    Args:
        data_dir: a folder with the IDX files, or with a folder `fashion` or `FashionMNIST/raw` that has them.

    Raises:
        FileNotFoundError: if the files are nowhere and cannot be downloaded.
        ValueError: if a file is damaged, of another set, or does not fit the others, naming it.
    """
    return _load((FASHION,), _CLOTHES, data_dir)


def _load(sources: Sequence[Source], classes: tuple[str, ...], data_dir: Path | str | None) -> Dataset:
    source, files = locate_one(sources, data_dir)
    train_images, train_labels, test_images, test_labels = (paths[0] for paths in files)
    # EMNIST's images are stored column by column.
    transposed = source.name == "emnist"
    train, test = _split(train_images, train_labels, transposed), _split(test_images, test_labels, transposed)
    for other, beginning in _BEGINNINGS.items():
        if source.name in _BEGINNINGS and other != source.name and tuple(test.labels[: len(beginning)]) == beginning:
            raise ValueError(f"{test_labels} holds the labels of {other}, not of {source.name}: give its own files")
    return Dataset(source.name, classes, train, test)


def _split(images_path: Path, labels_path: Path, transposed: bool) -> Split:
    images = read_idx(images_path, _MAX_IMAGES * _SIDE**2)
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (_SIDE, _SIDE) or not len(images):
        raise ValueError(f"{images_path} holds {images.dtype}{images.shape}: images are uint8 of shape (n, 28, 28)")
    labels = read_idx(labels_path, len(images) * _QMNIST_FACTS * 4)
    if labels.ndim == 2 and labels.dtype == np.int32 and labels.shape[1] == _QMNIST_FACTS:
        labels = labels[:, 0]
    elif labels.dtype != np.uint8:
        raise ValueError(f"{labels_path} holds {labels.dtype}{labels.shape}: labels are uint8")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{labels_path} holds {labels.dtype}{labels.shape}: {len(images)} labels are needed")
    if labels.min() < 0 or labels.max() > 9:
        wrong = labels.max() if labels.max() > 9 else labels.min()
        raise ValueError(f"{labels_path} holds the label {wrong}: labels are 0 to 9")
    images = images.swapaxes(1, 2) if transposed else images
    return Split(centred(images), labels.astype(np.int32))


def centred(pixels: UInt8[np.ndarray, "n h w"]) -> np.ndarray:
    """Images of 0 … 255 centred in 32×32 and scaled to −0.1 … 1.175: (n, 32, 32, 1).

    >>> images = centred(np.full((1, 28, 28), 255, np.uint8))
    >>> images.shape, f"{images.min():.3f} to {images.max():.3f}"
    ((1, 32, 32, 1), '-0.100 to 1.175')
    """
    margin = [(0, 0), *(((32 - size) // 2, (33 - size) // 2) for size in pixels.shape[1:])]
    return np.pad(pixels, margin)[..., None] * np.float32(1.275 / 255) - np.float32(0.1)
