"""Networks from a pattern: [(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX."""

import re
from collections.abc import Iterator, Mapping
from typing import NoReturn

from minicnn.arguments import flag, integer
from minicnn.nn import Activation, Conv, Dense, Flatten, Layer, MaxPool, Sequential

_TOKEN = re.compile(r"\s*(?:(?P<word>[A-Za-z]+|\d+)|(?P<sign>[\[\]()*?-]))")
_CLOSING = {"(": ")", "[": "]"}
# Layers of a network: nobody has trained a tenth as many, and XLA would compile them for hours.
_MOST = 10_000
_DEEPEST = 100  # brackets in brackets
_DIGITS = 9  # of a count; of more Python reads no number at some point


def CifarNet(classes: int = 10) -> Sequential:
    """INPUT-CONV-RELU-POOL-FC for CIFAR-10: 32×32×3 → 32×32×12 → 16×16×12 → 10.

    >>> CifarNet().out_shape((32, 32, 3))
    (10,)
    """
    return from_pattern("CONV-RELU-POOL-SOFTMAX", channels=12, classes=classes)


def from_pattern(
    text: str,
    counts: Mapping[str, int] | None = None,
    *,
    channels: int = 32,
    features: int = 128,
    classes: int = 10,
    pool: bool = True,
) -> Sequential:
    """Build a network from a pattern such as `[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX`.

    CONV is a 3×3 convolution that keeps the size, POOL a 2×2 max pooling after which the convolutions have twice as
    many channels, FC a dense layer, RELU, TANH and SIGMOID activations, SOFTMAX the dense layer whose scores the loss
    takes the softmax of; INPUT stands for itself. Brackets of either kind group, `*` repeats and `?` marks what
    `pool` decides on.

    Args:
        text: the pattern.
        counts: numbers for the letters behind a `*`.
        channels: of the first convolutions.
        features: of every FC.
        classes: scores of SOFTMAX.
        pool: keep what is marked with `?`.

    Raises:
        ValueError: if the pattern cannot be read, or a layer stands where it cannot, naming the place; if it has more
            than 10,000 layers.
        TypeError: if a count is no integer.

    >>> pattern = "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX"
    >>> model = from_pattern(pattern, {"N": 2, "M": 2, "K": 1}, channels=8)
    >>> [layer.channels for layer in model.layers if isinstance(layer, minicnn.nn.Conv)]
    [8, 8, 16, 16]
    >>> model.out_shape((32, 32, 3))
    (10,)
    """
    if not isinstance(text, str):
        raise TypeError(f"`text`={text!r} is no pattern: give a string such as '(CONV-RELU)*2-POOL-FC-SOFTMAX'")
    counts = {letter: integer(f"counts[{letter!r}]", count, 0) for letter, count in (counts or {}).items()}
    words = _Reader(text, counts, flag("pool", pool)).words()
    activations = {"RELU": "relu", "TANH": "tanh", "SIGMOID": "sigmoid"}
    layers: list[Layer] = []
    flat = False
    for word in words:
        if word in ("FC", "SOFTMAX") and not flat:
            layers.append(Flatten())
            flat = True
        if word in ("CONV", "POOL") and flat:
            raise ValueError(f"`text`={text!r}: {word} needs images and cannot follow FC or SOFTMAX")
        if word in activations:
            layers.append(Activation(activations[word]))
        elif word == "CONV":
            layers.append(Conv(channels, (3, 3), padding="SAME"))
        elif word == "POOL":
            layers.append(MaxPool((2, 2)))
            channels *= 2
        elif word in ("FC", "SOFTMAX"):
            layers.append(Dense(features if word == "FC" else classes))
        elif word != "INPUT":
            raise ValueError(f"`text`={text!r}: {word!r} is not a layer: use CONV, POOL, FC, SOFTMAX or an activation")
    if not layers:
        raise ValueError(f"`text`={text!r} has no layers")
    return Sequential(tuple(layers))


class _Reader:
    """A pattern is items joined by `-`; an item is a word or a pattern in brackets, then `*` and a count or `?`."""

    def __init__(self, text: str, counts: Mapping[str, int], pool: bool) -> None:
        self.text, self.counts, self.pool = text, counts, pool
        self.tokens, self.depth = [*_tokens(text), ""], 0

    def words(self) -> list[str]:
        """The names of the layers, with all repetitions."""
        words = self._pattern()
        return words if not self.tokens[0] else self._refuse("the end or -")

    def _pattern(self) -> list[str]:
        words = self._item()
        while self.tokens[0] == "-":
            self.tokens.pop(0)
            words = [*words, *self._item()]
            if len(words) > _MOST:
                raise ValueError(f"`text` has more than {_MOST:,} layers, which are not built")
        return words

    def _item(self) -> list[str]:
        token = self.tokens.pop(0)
        if token in _CLOSING:
            self.depth += 1
            if self.depth > _DEEPEST:
                raise ValueError(f"`text` has more than {_DEEPEST} brackets in one another: leave some out")
            words = self._pattern()
            self.depth -= 1
            if self.tokens.pop(0) != _CLOSING[token]:
                self._refuse(_CLOSING[token])
        elif token.isalpha():
            words = [token.upper()]
        else:
            return self._refuse("a layer")
        while self.tokens[0] in ("*", "?"):
            times = self._count() if self.tokens.pop(0) == "*" else int(self.pool)
            if len(words) * times > _MOST:
                raise ValueError(
                    f"`text` repeats {len(words):,} layers {times:,} times: more than {_MOST:,} are not built"
                )
            words = words * times
        return words

    def _count(self) -> int:
        token = self.tokens.pop(0)
        if token.isdigit():
            return int(token[-_DIGITS:]) if len(token.lstrip("0")) <= _DIGITS else 10**_DIGITS
        return self.counts[token] if token in self.counts else self._refuse("a number, or a letter in `counts`,")

    def _refuse(self, wanted: str) -> NoReturn:
        raise ValueError(f"`text`={self.text!r}: {wanted} is missing before {'-'.join(self.tokens[:3])!r}")


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"`text`={text!r}: {text[position:]!r} cannot be read")
        yield match.group("word") or match.group("sign")
        position = match.end()
