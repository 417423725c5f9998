"""`minicnn lift`: how a model is named, the table that is printed, and what is refused."""

import json

import pytest

NET = """
import jax.numpy as jnp
from jax import nn

w = jnp.ones((3, 3))


def dense(x):
    return nn.relu(w @ x)


def double(x):
    return 2 * x


def tokens(positions):
    return w[positions] @ w


def build(width=3):
    from minicnn import nn as layers

    return layers.Sequential((layers.Conv(width, (3, 3)), layers.Flatten(), layers.Dense(2)))


class Layer:
    def __init__(self, features, key):
        self.w = jnp.full((features, 3), 2.0)

    def __call__(self, x):
        return self.w @ x
"""


@pytest.fixture
def net(tmp_path):
    file = tmp_path / "some_net.py"
    file.write_text(NET)
    return f"{file}:"


def rows(result):
    return [line.split() for line in result.output.splitlines()]


def test_a_function_of_a_file(run, net):
    result = run("lift", f"{net}dense", "--shape", 3)
    assert result.exit_code == 0, result.output
    assert rows(result)[-2] == ["w", "3×3", "9", "100.00%", "9", "9", "9"]


def test_a_function_that_makes_a_model_and_the_file_of_its_table(run, net, tmp_path):
    file = tmp_path / "table.json"
    result = run("lift", f"{net}build(2)", "--shape", "5x6x1", "--norms", "--json", file)
    assert result.exit_code == 0, result.output
    *_, head, conv, dense, total = rows(result)
    assert conv[1:] == ["24×30", "216", "30.00%", "20", "240", "216", "3×3", *conv[8:]]
    assert dense[1:3] == ["2×24", "48"]
    assert total == ["total", "264", "70", "290", "264"]
    assert (head[-1], conv[-2]) == ("σ₁", "to")
    found = json.loads(file.read_text())
    assert found["total"]["nnz"] == 264
    assert [row["shape"] for row in found["rows"]] == [[24, 30], [2, 24]]


def test_a_class_is_given_the_key_that_it_asks_for(run, net):
    result = run("lift", f"{net}Layer(features=4)", "--input", "3")
    assert (result.exit_code, rows(result)[-2][:2]) == (0, ["w", "4×3"]), result.output


def test_a_module_by_its_name_and_the_program_beside_its_transpose(run):
    result = run("lift", "jax.nn:softmax", "--shape", "1,3", "--program")
    assert result.exit_code == 0, result.output
    assert rows(result)[0][0].startswith("P(")
    assert "Pᵀ(" in result.output
    assert "No map holds weights that have a name." in result.output


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        ("net", ["--shape", "3"], "'net' must be module:name or file.py:name, such as net.py:build"),
        ("{}3", ["--shape", "3"], "'3' must be a name, which arguments may follow"),
        ("{}none", ["--shape", "3"], "it has dense, double, tokens, build, Layer"),
        ("{}dense", [], "give the shape of each input, such as --shape 1,28,28,1"),
        ("{}dense", ["--shape", "3y"], "whole numbers"),
        ("{}dense", ["--shape", "3", *["--dtype", "float32"] * 2], "there are 2 of --dtype and 1 of --shape"),
        ("{}dense", ["--shape", "99999999,99999999"], "`shape`=99999999,99999999 has 9,999,999,800,000,001 numbers"),
        ("{}dense", ["--shape", "3", "--dtype", "foo"], "`dtype`='foo' is not a dtype of numbers"),
        ("{}dense", ["--shape", "3", "--dtype", "str"], "`dtype`='str' is not a dtype of numbers"),
        ("{}Layer", ["--shape", "3"], "Layer needs `features`: write its arguments as well, as in Layer(features=…)"),
        ("{}Layer(w)", ["--shape", "3"], "the arguments of Layer(w) must be numbers, words and tuples of them"),
        ("{}tokens", ["--shape", "3", "--dtype", "int32"], "only floats have derivatives"),
        ("no.such.module:f", ["--shape", "3"], "no.such.module cannot be imported"),
        ("no_such.py:f", ["--shape", "3"], "there is no file no_such.py"),
        ("numpy:sin", ["--shape", "3"], "error: numpy:sin makes numbers of Python or NumPy of its inputs"),
        ("minicnn.nn:Dense(3)", ["--shape", "3", "--dtype", "int32"], "error: `dtype`=int32 has no fractions"),
    ],
)
def test_what_is_refused_is_said_in_one_line(run, net, target, options, said):
    result = run("lift", target.format(net), *options, width=400)
    assert result.exit_code == 2, result.output
    assert said in result.output


def test_a_table_in_no_folder_is_refused_before_the_model_is_loaded(run, net, monkeypatch):
    monkeypatch.setattr("minicnn.cli.target.load", lambda *_: pytest.fail("the model was loaded"))
    result = run("lift", f"{net}dense", "--shape", 3, "--json", "no/such/x.json", width=200)
    assert result.exit_code == 2
    assert result.output == "error: no/such/x.json cannot be written: there is no folder no/such\n"


def test_norms_of_short_floats_are_bounded(run):
    result = run("lift", "minicnn.nn:Conv(2,(3,))", "--shape", "6x1", "--dtype", "bfloat16", "--norms")
    assert result.exit_code == 0, result.output
    assert "σ₁" in result.output


def test_a_layer_of_one_input_says_so_if_given_two(run):
    result = run("lift", "minicnn.nn:Dense(3)", "--shape", 4, "--shape", 3, width=200)
    assert result.output == "error: a layer of minicnn has one input, and 2 are given: give one shape\n"
    assert result.exit_code == 2
