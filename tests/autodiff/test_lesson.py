"""The pages about autodiff: every block of Python runs, in order, and prints what the text after it shows."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

from minicnn.autodiff import rules
from minicnn.autodiff.rules import table

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"^```(python|text|\{code-cell\})\n(?:---\n.*?^---\n|:tags:[^\n]*\n)?(.*?)^```$", re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize("page", ["tutorials/autodiff.md", "adding_a_primitive.md"])
def test_the_page_runs_and_prints_what_it_shows(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minicnn.autodiff.rules.table", table.copy())
    monkeypatch.setattr("minicnn.autodiff.trace.table", rules.table)
    names: dict[str, Any] = {"__name__": page}
    printed = ""
    for language, body in BLOCK.findall((DOCS / page).read_text()):
        if language != "text":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(body, page, "exec"), names)
            printed = out.getvalue()
        else:
            shown = body.rstrip().removesuffix("…").rstrip()
            assert printed.rstrip().startswith(shown) if body.rstrip().endswith("…") else printed.rstrip() == shown
