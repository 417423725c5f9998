"""The page about certificates tells the truth: its code runs."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "certificates.md").read_text()


def test_the_code_runs(capsys):
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec("import minicnn, jax.numpy as jnp\n" + block, {})
    assert "identities hold" in capsys.readouterr().out
