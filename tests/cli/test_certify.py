"""`minicnn certify` of a layer: what is typed for it means what it means to `minicnn show`."""

import pytest

from minicnn.identities import catalogue_table


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


def test_an_option_of_a_layer_needs_a_layer(run):
    result = run("certify", "--stride", "2", "--padding", "1")
    assert result.exit_code == 2
    assert "--stride, --padding says how a layer is: give its --kernel, too" in result.output
