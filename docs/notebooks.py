"""The lessons and the sheets of the course as notebooks: `make notebooks` writes them, and each page offers its own.

A lesson is Markdown whose code cells are marked. What only a page can show becomes plain words: boxes become paragraphs
with a heading, and links to other lessons lead to their notebooks.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDERS = ("tutorials", "course")  # of the pages that are notebooks
_CELL = re.compile(r"^```\{code-cell\}\n((?:---\n.*?^---\n)?(?::\w+: [^\n]*\n)*.*?)^```\n?", re.MULTILINE | re.DOTALL)
_OPTIONS = re.compile(r"\A(?:---\n.*?^---\n)?(?::\w+: [^\n]*\n)*", re.MULTILINE | re.DOTALL)
_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def write(lessons: Path, folder: Path) -> list[Path]:
    """Write a notebook for each lesson, without outputs; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lesson in sorted(lessons.glob("*.md")):
        if "{code-cell}" in (text := lesson.read_text()):
            path = folder / f"{lesson.stem}.ipynb"
            path.write_text(json.dumps(notebook(text), indent=1, ensure_ascii=False) + "\n")
            written.append(path)
    return written


def notebook(text: str) -> dict[str, Any]:
    r"""A lesson in the format of notebooks.

    >>> [cell["cell_type"] for cell in notebook("# A\n\n```{code-cell}\n1 + 1\n```\nSo it is.\n")["cells"]]
    ['markdown', 'code', 'markdown']
    """
    body = re.sub(r"\A---\n.*?^---\n", "", text, flags=re.MULTILINE | re.DOTALL)
    parts = _CELL.split(body)  # words and code in turn
    made = [_code(part) if n % 2 else _words(part) for n, part in enumerate(parts)]
    cells = [{"id": f"cell-{n}", **cell} for n, cell in enumerate(cell for cell in made if cell["source"])]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": _KERNEL, "cells": cells}


def _code(cell: str) -> dict[str, Any]:
    """A cell of code, folded where the site hides a solution."""
    options = _OPTIONS.match(cell)
    told = options[0] if options else ""
    metadata = {"jupyter": {"source_hidden": True}, "tags": ["solution"]} if "hide-cell" in told else {}
    source = cell.removeprefix(told).strip("\n")
    return {"cell_type": "code", "metadata": metadata, "execution_count": None, "outputs": [], "source": source}


def _words(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _plain(source).strip("\n")}


def _plain(words: str) -> str:
    """Words without what only the site understands."""
    words = re.sub(r"^:::+\{(?:admonition|dropdown)\} (.*)$", r"**\1**\n", words, flags=re.MULTILINE)
    words = re.sub(r"^:::+\{(\w+)\}$", lambda box: f"**{box[1].title()}**\n", words, flags=re.MULTILINE)
    words = re.sub(r"^:::+$", "", words, flags=re.MULTILINE)
    words = re.sub(r"^:class: .*\n", "", words, flags=re.MULTILINE)
    words = re.sub(r'<a href="[^"]*explorer\.html[^"]*">(.*?)</a>', r"\1 (`minicnn explore`)", words, flags=re.DOTALL)
    return re.sub(rf"\]\((?:\.\./(?:{'|'.join(FOLDERS)})/)?(\w+)\.md(#[^)]*)?\)", r"](\1.ipynb\2)", words)


if __name__ == "__main__":
    for folder in FOLDERS:
        print(*write(Path(__file__).parent / folder, Path(sys.argv[1])), sep="\n")
