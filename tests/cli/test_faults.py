"""Models whose own code is at fault: one line with the error, its file and its line, from every command."""

from importlib import import_module

import pytest

from minicnn.cli import faults

COMMANDS = {"lift": ("lift",), "certify": ("certify",), "bench": ("bench", "--seconds", 0, "--model")}


def told(run, command, file, text):
    file.write_text(text)
    result = run(*COMMANDS[command], f"{file}:f", "--shape", 3, width=400)
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\nraise RuntimeError('not\\ntoday')", 2, "RuntimeError: not today"),
        ("{}['weights']", 1, "KeyError: 'weights'"),
        ("raise SystemExit(0)", 1, "SystemExit: 0"),
        ("assert False", 1, "AssertionError"),
        ("def f(x:\n    pass", 1, "SyntaxError: '(' was never closed"),
        ("import no_such_module", 1, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(x):\n    return x['a']", 2, "TypeError: "),
        ("def g(x):\n    raise NotImplementedError\ndef f(x):\n    return g(x)", 2, "NotImplementedError"),
        ("class f:\n    def __init__(self):\n        raise KeyError(1)", 3, "KeyError: 1"),
        ("import jax.numpy as jnp\ndef f(x):\n    return x + jnp.ones(4)", 3, "TypeError: add got incompatible shapes"),
    ],
)
def test_a_fault_is_told_with_its_place(run, tmp_path, command, text, line, said):
    file = tmp_path / f"faulty_{command}.py"
    assert told(run, command, file, text).startswith(f"error: {file}:{line}: {said}")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_wholly_inside_an_installed_package_is_told_with_its_place_there(run, tmp_path, monkeypatch, command):
    package = tmp_path / "packages" / f"installed_{command}.py"
    package.parent.mkdir()
    package.write_text("class OwnError(Exception): pass\ndef f(x):\n    raise OwnError('not\\ntoday')")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(faults, "_PACKAGES", {package.parent})
    monkeypatch.setattr(faults, "_INSTALLED", {*faults._INSTALLED, package.parent})
    line = told(run, command, tmp_path / f"using_{command}.py", f"from {package.stem} import f")
    assert line == f"error: {package}:3: OwnError: not today"


def test_a_fault_of_this_library_keeps_its_traceback(run, monkeypatch):
    monkeypatch.setattr("minicnn.cli.target.load", import_module)  # Python's own, which fails
    assert isinstance(run("lift", "json:f", "--shape", 3).exception, ModuleNotFoundError)


def test_the_place_is_the_innermost_line_that_is_a_persons_own(run, tmp_path):
    (tmp_path / "helping_layers.py").write_text("\n\ndef layer(x):\n    return {}[0]\n")
    text = "from helping_layers import layer\ndef f(x):\n    return layer(x)"
    assert told(run, "lift", tmp_path / "f.py", text).startswith(f"error: {tmp_path}/helping_layers.py:4: KeyError: 0")


def test_a_module_that_imports_what_is_missing_is_told_from_one_that_is_missing(run, tmp_path, monkeypatch):
    (tmp_path / "lacking_module.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    result = run("lift", "lacking_module:f", "--shape", 3, width=400)
    assert result.output.startswith(f"error: {tmp_path}/lacking_module.py:1: ModuleNotFoundError: No module named")
    result = run("lift", "lacking_modules:f", "--shape", 3, width=400)
    assert "error: lacking_modules cannot be imported" in result.output


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no_such:f", "no_such cannot be imported: there is no module no_such; name one that is installed, or a file"),
        ("no.such:f", "no.such cannot be imported: there is no module no; name one that is installed, or a file"),
        ("no_such.py:f", "there is no file no_such.py"),
        ("jax.nn", "'jax.nn' must be module:name or file.py:name, such as net.py:build"),
        ("jax.nn:3", "'3' must be a name"),
    ],
)
def test_a_target_that_is_none_is_told_before_anything_else_is_asked_for(run, command, target, said):
    args = (*COMMANDS[command], target)
    if command == "certify" and ":" not in target:
        pytest.skip("it is a RUN")
    assert run(*args, width=400).output.startswith(f"error: {said}")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_makes_numbers_of_traced_inputs_is_told_without_our_own_files(run, tmp_path, command):
    result = run(*COMMANDS[command], "numpy:sin", "--shape", 3, width=400)
    own = told(run, command, tmp_path / f"numbers_{command}.py", "import numpy as np\ndef f(x):\n    return np.sin(x)")
    for line, place in ((result.output, "numpy:sin"), (own, f"{tmp_path}/numbers_{command}.py:3")):
        assert f"{place} makes numbers of Python or NumPy of " in line
        assert "minicnn" not in line


def test_a_file_that_is_no_text_of_python_is_told(run, tmp_path):
    file = tmp_path / "bytes.py"
    file.write_bytes(b"a\0b")
    result = run("lift", f"{file}:f", "--shape", 3, width=400)
    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
    assert str(file) in result.output
    assert "null bytes" in result.output
