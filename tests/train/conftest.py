"""The tiny network and the tiny data set, by name."""

import pytest

from minicnn.train import catalogue, recipes
from tests.train.tiny import RECIPE, tiny_data


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "tiny", RECIPE)
    monkeypatch.setitem(catalogue.DATA, "tiny", lambda folder: tiny_data())
