"""docs/coming_from.md, row by row: both sides of each row have one value, where the library is installed."""

import inspect
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minicnn

PAGE = (Path(__file__).parents[1] / "docs" / "coming_from.md").read_text()
LIBRARIES = {"PyTorch": "torch", "flax": "flax", "SciPy and NumPy": "scipy"}
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PREAMBLE, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
TEXTS = {title: text for title, _, text in (section.partition("\n") for section in SECTIONS)}


def rows(section: str) -> list[tuple[str, str]]:
    """Theirs and ours, of each row of a section."""
    return re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", TEXTS[section], re.MULTILINE)


@pytest.fixture(scope="module")
def names() -> Callable[[str], dict[str, Any]]:
    """What the page defines for the rows of a section, or a skip where its library is absent."""
    defined: dict[str, dict[str, Any]] = {}

    def of(section: str) -> dict[str, Any]:
        pytest.importorskip(LIBRARIES[section])
        if section not in defined:
            defined[section] = {}
            with warnings.catch_warnings(action="ignore"):
                for text in (PREAMBLE, TEXTS[section]):
                    exec(BLOCK.findall(text)[0], defined[section])
        return defined[section]

    return of


@pytest.mark.parametrize(
    ("section", "theirs", "ours"), [(section, *row) for section in LIBRARIES for row in rows(section)]
)
def test_a_row_has_one_value(section: str, theirs: str, ours: str, names: Any) -> None:
    known = names(section)
    with warnings.catch_warnings(action="ignore"):  # what a library says of its own speed
        expected = np.asarray(eval(theirs, known))
    np.testing.assert_array_equal(np.asarray(eval(ours, known)), expected)


@pytest.mark.parametrize(("section", "count"), [("PyTorch", 16), ("flax", 13), ("SciPy and NumPy", 19)])
def test_every_line_of_a_table_is_read_as_a_row(section: str, count: int) -> None:
    assert len(rows(section)) == len(re.findall(r"^\| `", TEXTS[section], re.MULTILINE)) == count


def test_the_names_are_arguments() -> None:
    table = [line.strip("| ").split(" | ") for line in TEXTS["One thing, four names"].splitlines() if "`" in line]
    ours = set(inspect.signature(minicnn.conv).parameters)
    words = ("stride", "dilation", "stretch", "groups")
    assert [re.findall(r"`(\w+)`", row[-1]) for row in table if row[-1][1:-1] in words] == [[word] for word in words]
    assert ours >= set(words)
    linen = pytest.importorskip("flax.linen")
    for word in ("strides", "kernel_dilation", "input_dilation", "feature_group_count"):
        assert word in inspect.signature(linen.Conv).parameters and any(row[2] == f"`{word}`" for row in table)
