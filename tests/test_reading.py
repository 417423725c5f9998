"""The page "Reading the code" is true: each call passes through the places that its table lists, in that order."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn import nn, train
from minicnn.data import Dataset, Split

PAGE = (Path(__file__).parents[1] / "docs" / "reading.md").read_text()
ROOT = Path(minicnn.__file__).parent
ROW = re.compile(r"^\| (\d+) \| `([\w/.]+)` \| `([\w.]+)` \|", re.MULTILINE)
Place = tuple[str, str]

# Sizes that no other test has: what JAX has compiled before passes through fewer places.
X, W = jnp.ones((2, 13, 11, 1)), jnp.ones((3, 2, 1, 3))


def pull_back() -> Any:
    # One after the other: which of them comes first in a common backward pass is JAX's affair.
    y, to_x = jax.vjp(lambda x: minicnn.conv(x, W), X[:1])
    _, to_w = jax.vjp(lambda w: minicnn.conv(X[:1], w), W)
    return to_w(y), to_x(y)


def one_step() -> Any:
    split = Split(np.zeros((4, 9, 7, 1), np.float32), np.arange(4, dtype=np.int32) % 2)
    model = nn.Sequential((nn.Conv(2, (3, 3)), nn.Flatten(), nn.Dense(2)))
    return train.fit(model, Dataset("tiny", ("a", "b"), split, split), train.Config(epochs=1, batch=4))


CALLS: dict[str, Callable[[], Any]] = {
    "A convolution": lambda: minicnn.conv(X, W),
    "Its two gradients": pull_back,
    "A certificate": lambda: minicnn.certify(lambda x: minicnn.conv(x, W[..., :1]), X[0, :5, :4]),
    "A training step": one_step,
}


def listed(heading: str) -> list[Place]:
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    table = next(part for part in section if part.startswith(heading))
    return [(file, function) for _, file, function in ROW.findall(table)]


def passed(call: Callable[[], Any]) -> list[Place]:
    """The functions of the package that a call enters, each time it does."""
    places: list[Place] = []

    def watch(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ROOT)):
            places.append((str(Path(code.co_filename).relative_to(ROOT).as_posix()), code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(before)
    return places


def missing(table: list[Place], places: list[Place]) -> list[Place]:
    """What is left of a table after those of its places that were passed in its order."""
    rest = list(table)
    for place in places:
        if rest and place == rest[0]:
            rest.pop(0)
    return rest


@pytest.mark.parametrize("heading", CALLS)
def test_a_call_passes_through_the_places_that_the_page_lists(heading: str) -> None:
    table = listed(heading)
    assert len(table) >= 9
    assert not missing(table, passed(CALLS[heading]))


def test_every_table_is_followed_and_a_wrong_one_is_noticed() -> None:
    assert re.findall(r"^## (.*)$", PAGE, re.MULTILINE) == list(CALLS)
    table = [("a.py", "f"), ("b.py", "g")]
    assert missing(table, [("a.py", "f"), ("c.py", "h"), ("b.py", "g")]) == []
    assert missing(table, [("b.py", "g"), ("a.py", "f")]) == [("b.py", "g")]
