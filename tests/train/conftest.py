"""The tiny network and the tiny data set, by name."""

import pytest

from minicnn.data import registry as data
from minicnn.zoo import registry as zoo
from tests.train.tiny import NETWORK, tiny_data


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(zoo.NETWORKS, "tiny", NETWORK)
    monkeypatch.setitem(data.DATASETS, "tiny", lambda folder: tiny_data())
