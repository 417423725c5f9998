"""The page about lifting a model tells the truth: its code runs."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "lift.md").read_text()


def test_the_code_runs(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(block, {})
    assert "multiply-adds" in capsys.readouterr().out
