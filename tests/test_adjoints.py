"""The page about layers of other libraries says what its command finds; in a usual run, of a layer of each."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "docs" / "adjoints.py"
spec = importlib.util.spec_from_file_location("adjoints", SCRIPT)
assert spec and spec.loader
adjoints = importlib.util.module_from_spec(spec)
spec.loader.exec_module(adjoints)
LINES = adjoints.PAGE.read_text().splitlines()
QUICK = {"flax": "nnx.Linear(4, 3)", "equinox": "nn.Linear(4, 3)", "haiku": "Linear(3)", "torch": "nn.Linear(4, 3)"}


@pytest.mark.parametrize("library", QUICK)
def test_a_dense_layer_and_the_transposed_convolutions(library):
    pytest.importorskip(library)
    assert adjoints.certified(library, QUICK[library]) in LINES
    for pair in adjoints.PAIRS[library]:
        assert adjoints.adjoint(library, pair) in LINES


def test_every_layer_has_its_row():
    for library, layers in adjoints.LAYERS.items():
        for text in layers:
            assert any(line.startswith(f"| {library} | `{text}` |") for line in LINES), text


@pytest.mark.long
@pytest.mark.parametrize("library", QUICK)
def test_all_rows(library):
    pytest.importorskip(library)
    assert not set(adjoints.rows(library)) - set(LINES)
