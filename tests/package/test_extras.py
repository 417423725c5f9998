"""The core needs four libraries; a part that needs more says which command installs it."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from minicnn.extras import BRINGS, BROUGHT_BY, require

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}  # whose modules have another name
CORE = {re.split(r"\W", requirement)[0] for requirement in PROJECT["dependencies"]} | {"scipy"}  # JAX brings SciPy
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
find = __import__("importlib.util").util.find_spec
sys.modules["importlib.util"].find_spec = lambda name: None if name in {absent} else find(name)
{program}
"""


def brought(extra: str) -> set[str]:
    """The distributions that an extra of pyproject.toml brings, with those of the extras within it."""
    names, within = set(), set()
    for requirement in EXTRAS[extra]:
        ((name, several),) = re.findall(r"^([\w-]+)(?:\[([\w,]*)\])?", requirement)
        names |= {name} - {"minicnn"}
        within |= set(several.split(",")) if name == "minicnn" else set()
    return names.union(*map(brought, within))


def without(absent: set[str], program: str) -> subprocess.CompletedProcess[str]:
    """A program run in a process of its own, in which some libraries are absent."""
    text = WITHOUT.format(absent=absent, program=program)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT, check=False)


def imported(file: Path) -> set[str]:
    """The libraries that a file imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"minicnn", ""}


def test_the_core_needs_four_libraries():
    assert CORE - {"jaxlib", "scipy"} == {"jax", "jaxtyping", "numpy", "optax"}


@pytest.mark.parametrize("extra", ["draw", "train", "cli", "linalg"])
def test_the_table_says_what_pyproject_says(extra):
    within = (extra, *BRINGS.get(extra, ()))
    table = {DISTRIBUTIONS.get(name, name) for name, brought_by in BROUGHT_BY.items() if brought_by in within}
    assert table == brought(extra)


def test_all_brings_everything():
    assert brought("all") == {DISTRIBUTIONS.get(name, name) for name in BROUGHT_BY}


def test_everything_that_is_imported_is_brought():
    compared_with = {"torch", "flax", "haiku", "equinox"}  # by the benchmark, or by those who have a model of theirs
    loaded_by = {"pytest"}  # its plugin
    for file in (ROOT / "minicnn").rglob("*.py"):
        assert imported(file) <= CORE | {*BROUGHT_BY} | compared_with | loaded_by, file


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import minicnn; minicnn.draw", "needs matplotlib, PIL, rich, safetensors: pip install 'minicnn[draw]'"),
        ("from minicnn.train import fit", "pip install 'minicnn[train]'"),
        ("import minicnn.data", "pip install 'minicnn[train]'"),
        ("from minicnn.explore import page", "minicnn.explore needs"),
        ("from minicnn import maps; maps.to_lineax(None)", "to_lineax needs lineax: pip install 'minicnn[linalg]'"),
    ],
)
def test_a_part_without_its_extra_says_what_installs_it(program, said):
    done = without(set(BROUGHT_BY), program)
    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]


def test_the_command_without_its_libraries_is_one_line():
    done = without(set(BROUGHT_BY), "from minicnn.__main__ import main; main()")
    names = ", ".join(name for name, extra in BROUGHT_BY.items() if extra != "linalg")
    assert done.returncode == 1
    assert done.stderr == f"error: the command minicnn needs {names}: pip install 'minicnn[cli]'\n"


def test_the_core_works_without_any_extra():
    program = """
import jax, jax.numpy as jnp, minicnn
from minicnn import autodiff, nn, zoo
x, w = jnp.arange(16.0).reshape(4, 4, 1), jnp.ones((3, 3, 1, 1))
A = minicnn.conv_map(w, (4, 4))
assert minicnn.certify(lambda x: minicnn.conv(x, w), x, matrix=A).ok
print(minicnn.lift(jnp.sin, x).T, minicnn.linalg.bracket(A), zoo.LeNet5().out_shape((32, 32, 1)), A._repr_html_()[:4])
import minicnn.bench.device
"""
    done = without(set(BROUGHT_BY), program)
    assert done.returncode == 0, done.stderr


def test_what_is_installed_is_asked_for_in_silence():
    require("cli", "the command minicnn")
