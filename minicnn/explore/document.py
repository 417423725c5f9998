"""The page, put together from its parts."""

import base64
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from minicnn.disk import write_whole
from minicnn.explore.bundle import bundle
from minicnn.explore.limits import LIMITS
from minicnn.explore.presets import presets
from minicnn.explore.setting import address
from minicnn.explore.weights import WEIGHTS

_PARTS = resources.files("minicnn.explore") / "web"


def page(state: Mapping[str, str] | None = None, *, network: bool = True) -> str:
    """Write the page, which needs nothing from elsewhere.

    Args:
        state: what it shows first, by the names of its address; the textbook's example if None.
        network: whether it has the view to draw a digit in, with the weights of LeNet-5.

    >>> page({"input": "7"}).startswith("<!doctype html>")
    True
    """
    given = {"state": address(state or {}), "presets": presets(), "limits": LIMITS._asdict()}
    weights = base64.b64encode(WEIGHTS.read_bytes()).decode() if network else ""
    return _frame().replace("/* given */", _embedded(given)).replace("/* network */", weights)


def write_page(path: Path, state: Mapping[str, str] | None = None, *, network: bool = True) -> Path:
    """Write the page to a file.

    Args:
        path: of the file.
        state: as in `page`.
        network: as in `page`.
    """
    write_whole(path, page(state, network=network))
    return path


@cache
def _frame() -> str:
    """Put the page together but for what it is given."""
    frame = (_PARTS / "page.html").read_text(encoding="utf-8")
    frame = frame.replace("/* style */", (_PARTS / "style.css").read_text(encoding="utf-8"))
    return frame.replace("/* modules */", bundle(_PARTS, "main"))


def _embedded(value: Any) -> str:
    """Write JSON that may stand inside a script: no text of it can end the script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
