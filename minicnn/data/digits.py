"""The 1,797 handwritten digits that come with scikit-learn, brought from 8×8 to 32×32."""

import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from minicnn.data.dataset import Dataset, Split
from minicnn.data.resampling import upsampling


def digits() -> Dataset:
    """Load the digits: 1,437 to train and 360 to test, in one fixed stratified split.

    Pixels are scaled from 0…16 to LeCun's −0.1 (paper) … 1.175 (ink) after upsampling by linear interpolation.

    >>> data = digits()
    >>> data.train.images.shape, len(data.test)
    ((1437, 32, 32, 1), 360)
    """
    small, labels = load_digits(return_X_y=True)
    U = upsampling((8, 8), 4)
    images = np.asarray(U(jnp.asarray(small, jnp.float32).reshape(-1, 8, 8, 1))) * (1.275 / 16) - 0.1
    whole = Split(images, np.asarray(labels, np.int32))
    train, test = train_test_split(range(len(whole)), test_size=0.2, stratify=labels, random_state=0)
    return Dataset("digits", tuple(map(str, range(10))), whole[train], whole[test])
