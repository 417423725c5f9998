"""The README tells the truth: its code runs, and its picture of the matrix is the library's."""

import re
from importlib.util import find_spec
from pathlib import Path

import jax.numpy as jnp

import minicnn
from minicnn.maps import ConvMap

README = (Path(__file__).parents[1] / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_code_runs():
    names = {}
    for block in _blocks("python"):
        if "flax" not in block or find_spec("flax"):
            exec(block, names)


def test_the_matrix_is_the_textbooks():
    (picture,) = _blocks("text")
    A = minicnn.conv_map(jnp.ones((3, 3, 1, 1)), (4, 4))
    assert isinstance(A, ConvMap)
    assert picture.rstrip("\n") == A.symbolic()


def test_the_commands_are_targets_of_the_makefile():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", "\n".join(_blocks("sh")), re.MULTILINE):
        assert f"\n{target}:" in makefile
