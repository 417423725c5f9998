"""`minicnn certify` of a layer: what is typed for it means what it means to `minicnn show`."""

import json
from importlib import import_module

import pytest

from minicnn.identities import catalogue_table

module = import_module("minicnn.cli.certify")  # of which the package has the command by this name


@pytest.mark.parametrize(
    ("text", "padding"),
    [
        ("1:2", ((1, 2), (1, 2))),
        ("1x0:2", (1, (0, 2))),
        ("-1:1", ((-1, 1), (-1, 1))),
        ("2", (2, 2)),
        ("same", "SAME"),
    ],
)
def test_padding_is_typed_as_in_show(run, monkeypatch, text, padding):
    given = []
    monkeypatch.setattr(catalogue_table, "run_live", lambda console, examples, doing: given.extend(examples) or {})
    result = run("certify", "--kernel", 3, "--input", "5x4", "--padding", text)
    assert result.exit_code == 0, result.output
    assert [example.options["padding"] for example in given] == [padding]
    assert run("show", "--input", "5x4", "--padding", text).exit_code == 0


def test_what_is_no_padding_is_said_by_both_in_the_same_words(run):
    both = [run("certify", "--kernel", 3, "--padding", "1:2:3"), run("show", "--padding", "1:2:3")]
    assert [result.exit_code for result in both] == [2, 2]
    assert both[0].output == both[1].output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--stride 2 --padding 1", "--stride, --padding would do nothing without a layer: give its --kernel, too"),
        ("--input 3", "--input would do nothing without a layer"),
        ("--seed 3", "--seed would do nothing for the catalogue"),
        ("--data digits", "--data would do nothing for the catalogue: leave out what is of a model"),
        ("--kernel 3 --dtype int32", "--dtype would do nothing for the layer of --kernel"),
        ("--kernel 3 --image 0", "--image would do nothing for the layer of --kernel"),
        ("--kernel 3 --data-dir .", "--data-dir would do nothing for the layer of --kernel"),
        ("--kernel 3 --input 3 --input 4", "--input is given 2 times, and the layer of --kernel has one"),
        ("--kernel 3 --size 3 --input 4", "--input would do nothing beside --size, its older spelling"),
        ("--kernel 3 --size 3 --dims 1", "--dims would do nothing beside --size"),
        ("--kernel 3 --channels-in 3 --channels 4", "--channels would do nothing beside --channels-in"),
        (". --groups 1", "--groups would do nothing for a RUN: leave out what is of a layer"),
        (". --seed 1", "--seed would do nothing for a RUN: leave out what is of a layer or a model"),
        (". --dtype int32", "--dtype would do nothing for a RUN"),
        ("jax.nn:relu --input 3 --flip", "--flip would do nothing for a model: leave out what is of a layer"),
        ("jax.nn:relu --input 3 --image 0", "--image would do nothing for a model: leave out what is of a RUN"),
        ("jax.nn:relu --data digits --dtype int32", "--dtype would do nothing for a model at an image of --data"),
        ("jax.nn:relu --data digits --input 3 --input 4", "--input is given 2 times, and a model at an image of"),
    ],
)
def test_what_would_do_nothing_is_refused_before_anything_runs(run, monkeypatch, given, said):
    for what in ("_certify_run", "_certify_model", "_certify_layers", "_inputs"):
        monkeypatch.setattr(module, what, lambda *_: pytest.fail("something ran"))
    result = run("certify", *given.split(), width=400)
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    assert line.startswith(f"error: {said}")


NET = """
import jax
import jax.numpy as jnp


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (2 * x, None), lambda _, y_bar: (3 * y_bar,))


def right(x):
    return jnp.sin(2 * x)


def wrong(x):
    return jnp.sin(doubled(x))
"""


def test_a_model_is_certified_whole_and_layer_by_layer(run, tmp_path):
    net, file = tmp_path / "some_model.py", tmp_path / "found.json"
    net.write_text(NET)
    result = run("certify", f"{net}:right", "--input", "2x2", "--json", file, width=300)
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert found["ok"]
    assert [certificate["kind"] for certificate in found["results"]] == ["function", "layers"]
    result = run("certify", f"{net}:wrong", "--input", "2x2", width=300)
    assert result.exit_code == 1
    line = NET.splitlines().index("    return jnp.sin(doubled(x))") + 1
    assert f"doubled: vjp = Cᵀ of `doubled` at {net}:{line}" in result.output
    assert "4 differ: scaled gradient (× 1.5)" in result.output


def test_a_model_is_certified_at_an_image_of_a_data_set(run):
    given = ("certify", "minicnn.nn:AvgPool((8, 8))", "--data", "digits", "--image", 3, "--input")
    result = run(*given, "32x32x1", width=200)
    assert result.exit_code == 0, result.output
    assert "linear, 16×1024" in result.output
    assert "is not the shape of an image of (32, 32, 1)" in run(*given, "8x8x1", width=200).output


def test_a_matrix_that_would_not_fit_is_refused_before_anything_is_made(run):
    result = run("certify", "--kernel", "3", "--input", "20000")
    assert result.exit_code == 2
    assert "C is 399,920,004×400,000,000, with all that is computed beside it" in result.output
    assert "certify a smaller input" in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--kernel", 99999, "--input", 100000),
            "Cᵀ·C is 100,000×100,000, with all that is computed beside it, 223.5 GiB",
        ),
        (("--kernel", 9, "--input", 9, "--padding", 99999), "the Jacobian of a rectifier is 199,999×199,999"),
        (("--kernel", 2000, "--input", 4000, "--padding", "SAME"), "U is 8,000,000×4,000"),
    ],
)
def test_a_small_matrix_with_large_products_is_refused_before_anything_is_made(run, monkeypatch, options, said):
    monkeypatch.setattr(catalogue_table, "run_live", lambda *_: pytest.fail("it was certified"))
    result = run("certify", "--dims", 1, *options, width=400)
    assert result.exit_code == 2
    assert said in result.output


def test_a_kernel_that_would_not_fit_is_refused_before_it_is_drawn(run, monkeypatch):
    monkeypatch.setattr("minicnn.identities.examples.Example.w", property(lambda self: pytest.fail("it was drawn")))
    result = run("certify", "--kernel", "3", "--channels", "100000", width=400)
    assert result.exit_code == 2
    assert "`kernel`=3, `channels`=100000x100000: the kernel is 3×3×100000×100000" in result.output


def test_the_identities_hold_whatever_the_seed(run):
    result = run("certify", "--kernel", 2, "--input", 3, "--seed", 5, width=200)
    assert result.exit_code == 0, result.output
    assert "56 of 56 identities hold." in result.output
