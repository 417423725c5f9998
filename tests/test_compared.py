"""docs/compared.md, row by row: every line that is Python is run, and every other names what holds it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.processors import within

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "compared.md").read_text()
LINK = re.compile(r"\[([^\]#]+)#(\d+)\]\(https://github\.com/([^/)]+)/([^/)]+)/(?:issues|pull)/(\d+)\)")
CODE = re.compile(r"(`+) ?(.+?) ?\1(?!`)")
ERROR = re.compile(r"(\w+Error): ?(.*)")
ROUNDING = 1e-6, 64 * 2.0**-23  # of each number, in float32; on a GPU of matrices with 64 rows that are decomposed


@dataclass(frozen=True)
class Row:
    """A line of a table: which reports it answers, what was tried and what is said to come out."""

    section: str
    reports: tuple[str, ...]
    tried: str
    answer: str

    @property
    def is_code(self) -> bool:
        """Whether what was tried is an expression."""
        return self.tried.startswith("`")


def rows() -> list[Row]:
    """The rows of all tables in the order of the page."""
    found, section = [], ""
    for line in PAGE.splitlines():
        section = line[3:] if line.startswith("## ") else section
        if line.startswith("| ["):
            report, tried, answer = line.strip("| ").split(" | ")
            reports = tuple(f"{owner}/{name}#{number}" for _, number, owner, name, _ in LINK.findall(report))
            found.append(Row(section, reports, tried, answer))
    return found


ROWS = rows()


def first_code(cell: str) -> str:
    """What stands in the first code of a cell."""
    code = CODE.match(cell)
    assert code, f"the cell must begin with code: {cell}"
    return code[2]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    """What the page defines for its rows."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    defined: dict[str, Any] = {}
    exec(block, defined)
    return defined


@pytest.mark.sampled(3)
@pytest.mark.parametrize("row", [row for row in ROWS if row.is_code], ids=lambda row: row.reports[0])
def test_a_row_comes_out_as_it_says(row: Row, names: dict[str, Any]) -> None:
    tried, answer = first_code(row.tried), first_code(row.answer)
    error = ERROR.match(answer)
    if error:
        words = ".*".join(re.escape(part.strip()) for part in error[2].split("…"))
        with pytest.raises(Exception, match=words) as raised:
            eval(tried, names)
        assert type(raised.value).__name__ == error[1]
    else:
        assert_same(eval(tried, names), eval(answer, names))


def assert_same(found: Any, said: Any) -> None:
    """The same number, array, shape or word, or a list of such; numbers up to a rounding."""
    if isinstance(found, list) and isinstance(said, list):
        assert len(found) == len(said)
        for one, other in zip(found, said, strict=True):
            assert_same(one, other)
    elif isinstance(said, str | tuple):
        assert found == said
    else:
        assert np.shape(found) == np.shape(said)
        np.testing.assert_allclose(np.asarray(found, float), np.asarray(said, float), within(*ROUNDING))


def test_every_other_row_is_held_by_a_test_or_was_measured() -> None:
    for row in ROWS:
        if not row.is_code:
            held = re.search(r"held by `(tests/[\w/]+\.py)`", row.answer)
            assert row.section == "Speed" or (held and (ROOT / held[1]).exists()), row.reports


def test_every_report_is_named_as_its_address_says_and_stands_in_one_row() -> None:
    for name, number, _, repository, of_address in LINK.findall(PAGE):
        assert (name, number) == (repository, of_address)
    counts = Counter(report for row in ROWS for report in row.reports)
    assert [report for report, count in counts.items() if count > 1] == []
    assert sum(counts.values()) == len(LINK.findall(PAGE))


@pytest.mark.parametrize(
    ("found", "said"),
    [(1.0, 1.1), ([1, 2], [1, 2, 3]), ((1, 2), (1, 3)), ("int32", "int8"), ([1.0], [np.nan]), (np.ones(2), 1)],
)
def test_what_is_not_the_same_is_noticed(found: Any, said: Any) -> None:
    with pytest.raises(AssertionError):
        assert_same(found, said)
