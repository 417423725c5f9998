"""CONTRIBUTING.md and what goes with it tell the truth: files and targets exist, recipes run, versions agree."""

import re
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.identities.examples import EXAMPLES
from tests import oracles
from tests.strategies import CORNERS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
BLOCKS = re.findall(r"^ *```(\w+)\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)
NEW = {"minicnn/forms/im2col.py", "experiments/signals/coins.py"}


def recipe(file: str) -> dict[str, Any]:
    """The names of a module after what the recipe adds to it, or those of a new module."""
    (code,) = (textwrap.dedent(text) for language, text in BLOCKS if language == "python" and f"# {file}\n" in text)
    module = file.removesuffix(".py").replace("/", ".")
    names = {"__name__": module} if file in NEW else dict(vars(import_module(module)))
    exec(code, names)
    return names


def test_the_recipe_for_a_map():
    A = recipe("minicnn/maps/indexing.py")["Roll"](1, (3, 2), jnp.dtype("float32"))
    expected = np.roll(np.eye(6).reshape(6, 3, 2), 1, 1).reshape(6, 6).T
    np.testing.assert_array_equal(A.matrix(), expected)
    np.testing.assert_array_equal(A.to_scipy().toarray(), expected)
    np.testing.assert_array_equal(A.T.matrix(), expected.T)


def test_the_recipe_for_a_primitive(monkeypatch):
    from minicnn.ops import primitives

    monkeypatch.setattr(primitives, "cbrt_p", recipe("minicnn/ops/primitives.py")["cbrt_p"], raising=False)
    np.testing.assert_allclose(recipe("minicnn/ops/elementwise.py")["cbrt"](8), 2, rtol=1e-6)


def test_the_recipe_for_a_form():
    case = CORNERS["2d"]
    x, w, _ = case.data(0)
    form = recipe("minicnn/forms/im2col.py")["Im2col"]()
    np.testing.assert_array_equal(minicnn.conv(x, w, form=form), oracles.conv(x, w, case.seen))


def test_the_recipe_for_an_experiment():
    result = recipe("experiments/signals/coins.py")["run"]()
    assert [claim.holds for claim in result.claims] == [True]


def test_the_recipe_for_an_identity(monkeypatch):
    from minicnn.identities.catalogue import CATALOGUE

    before = dict(CATALOGUE)
    try:
        recipe("minicnn/identities/catalogue.py")
        assert all(comparison.verdict == "equal" for comparison in CATALOGUE["homogeneous"].check(EXAMPLES[1]))
    finally:
        CATALOGUE.clear()
        CATALOGUE.update(before)


def test_every_recipe_takes_about_ten_lines_beside_its_code():
    for recipe in re.split(r"^## ", TEXT, flags=re.MULTILINE)[3:8]:
        prose = re.sub(r"^ *```.*?^ *```\n", "", recipe, flags=re.MULTILINE | re.DOTALL)
        assert len([line for line in prose.splitlines() if line]) <= 10


def test_every_file_and_target_that_is_named_exists():
    named = set(re.findall(r"`((?:minicnn|tests|docs|experiments)/[\w/.]*)`", TEXT)) | set(
        re.findall(r"\]\((\S+?)\)", TEXT)
    )
    named |= set(re.findall(r"pytest (tests/[\w/.]+)", TEXT))
    assert len(named) > 15
    assert not [path for path in named - {"docs/_build/html"} if not (ROOT / path).exists()]
    makefile = (ROOT / "Makefile").read_text()
    assert all(f"\n{target}:" in makefile for target in re.findall(r"make (\w+)(?=`|  )", TEXT))


@pytest.mark.parametrize("kind", ["wrong", "slow", "wish"])
def test_an_issue_asks_for_the_versions(kind):
    assert "minicnn --version" in (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{kind}.yml").read_text()


def test_what_runs_before_a_commit_is_what_runs_beside_the_tests():
    hooks = re.findall(r"entry: make (\w+)", (ROOT / ".pre-commit-config.yaml").read_text())
    run = re.search(r"^test: (.*)\n\t.*--jobs 2 (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert run
    assert [*hooks, "tests"] == f"{run[1]} {run[2]}".split()


def test_versions_agree():
    version = minicnn.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^## \[(\S+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version
