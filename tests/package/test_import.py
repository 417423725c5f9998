"""`import minicnn` costs nothing, and names and modules come when they are first used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minicnn

ROOT = Path(__file__).parents[2]
MODULES = (
    "autodiff",
    "bench",
    "compat",
    "data",
    "draw",
    "explore",
    "forms",
    "linalg",
    "maps",
    "nn",
    "ops",
    "train",
    "zoo",
)


def alone(program: str) -> str:
    """What a program prints that runs in a process of its own, in the checkout."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_loads_no_library_and_no_module_of_it():
    program = "import sys; before = set(sys.modules); import minicnn; print(*sorted(set(sys.modules) - before))"
    loaded = alone(program).split()
    assert "minicnn" in loaded
    assert not [name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names and name != "minicnn"]


def test_the_command_answers_ctrl_c_before_it_imports_anything():
    program = """
import sys
before = set(sys.modules)
import minicnn.__main__ as command
sys.modules["minicnn.cli"] = None  # so that the import of the command line is where it ends
try:
    command.main()
except SystemExit:
    print(*sorted(set(sys.modules) - before - {"minicnn", "minicnn.__main__", "minicnn.cli"}))
"""
    assert set(alone(program).split()) <= {"types"}


def test_every_name_and_module_comes_by_attribute():
    program = f"import minicnn\nfor name in (*minicnn.__all__, *{MODULES}): print(getattr(minicnn, name).__name__)"
    names = alone(program).splitlines()
    assert names[-len(MODULES) :] == [f"minicnn.{name}" for name in MODULES]


def test_completion_lists_what_comes_by_attribute():
    assert set(dir(minicnn)) == {*minicnn.__all__, *MODULES, "__version__"}


def test_type_checkers_see_what_comes_by_attribute():
    tree = ast.parse(Path(minicnn.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ours = [node for node in block.body if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    seen = [alias for node in ours for alias in node.names]
    assert {alias.name for alias in seen} == {*minicnn.__all__, *MODULES}
    assert {alias.name for alias in seen if alias.asname} == {*MODULES} - {*minicnn.__all__}  # re-exported by the alias


def test_all_names_are_loaded_by_a_star():
    assert alone("from minicnn import *; print(conv.__name__, linalg.__name__)") == "conv minicnn.linalg"


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'minicnn' has no attribute 'convolution'"):
        _ = minicnn.convolution
    assert not hasattr(minicnn, "__wrapped__")


@pytest.mark.sampled(2)
@pytest.mark.parametrize("first", ["import minicnn.lift.refusal", "from minicnn.lift import lift", "minicnn.certify"])
def test_lift_is_the_function_whatever_was_imported_first(first):
    program = (
        f"import minicnn\n{first}\nprint(type(minicnn.lift).__name__)\nfrom minicnn import lift\nprint(lift.__name__)"
    )
    assert alone(program).split() == ["function", "lift"]


def test_a_module_that_is_loaded_inside_a_trace_leaves_nothing_in_it():
    program = """
import jax, pkgutil
from importlib import import_module
def f(x):
    import minicnn
    for module in pkgutil.walk_packages(minicnn.__path__, "minicnn."):
        import_module(module.name)
    return minicnn.conv(x, w)
w = jax.numpy.ones((3, 3, 1, 1))
first, second = (str(jax.make_jaxpr(f)(jax.numpy.ones((4, 4, 1)))) for _ in range(2))
print(first == second)
"""
    assert alone(program) == "True"
