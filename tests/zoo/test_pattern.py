"""The pattern of layers: [(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX."""

import pytest

from minicnn.zoo import from_pattern

PATTERN = "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-SOFTMAX"
SHORT = {"Conv": "C", "Activation": "a", "MaxPool": "P", "Flatten": "v", "Dense": "D"}


def layers(text, *args, **kwargs):
    return "".join(SHORT[type(layer).__name__] for layer in from_pattern(text, *args, **kwargs).layers)


@pytest.mark.parametrize(
    ("text", "counts", "pool", "expected"),
    [
        (PATTERN, {"N": 1, "M": 1, "K": 0}, True, "CaPvD"),
        (PATTERN, {"N": 2, "M": 3, "K": 2}, True, "CaCaP" * 3 + "v" + "Da" * 2 + "D"),
        (PATTERN, {"N": 2, "M": 2, "K": 1}, False, "CaCa" * 2 + "v" + "DaD"),
        ("INPUT-CONV-RELU-POOL-FC", {}, True, "CaPvD"),
        ("[[CONV -> RELU]*2 -> POOL]*2 -> SOFTMAX".replace("->", "-"), {}, True, "CaCaPCaCaPvD"),
        ("conv-tanh-fc*2", {}, True, "CavDD"),
    ],
)
def test_a_pattern_is_its_layers(text, counts, pool, expected):
    assert layers(text, counts, pool=pool) == expected


def test_channels_double_behind_a_pooling_and_sizes_fit():
    model = from_pattern(PATTERN, {"N": 1, "M": 3, "K": 1}, channels=4, features=9, classes=7)
    assert [layer.channels for layer in model.layers if hasattr(layer, "channels")] == [4, 8, 16]
    assert model.out_shape((32, 32, 3)) == (7,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a layer is missing"),
        ("CONV-", "a layer is missing"),
        ("(CONV-RELU*2", r"\) is missing"),
        ("[CONV)*2", r"\] is missing"),
        ("CONV*Q-FC", "a number, or a letter in `counts`, is missing"),
        ("CONV RELU", "the end or - is missing before 'RELU"),
        ("CONV)", r"the end or - is missing before '\)"),
        ("CONV+FC", r"'\+FC' cannot be read"),
        ("CONV-LSTM", "'LSTM' is not a layer: use CONV"),
        ("FC-CONV", "CONV needs images and cannot follow FC"),
        ("INPUT", "has no layers"),
        ("*2", "a layer is missing"),
    ],
)
def test_what_cannot_be_read_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        from_pattern(text)


@pytest.mark.parametrize(
    ("text", "options", "error", "message"),
    [
        (None, {}, TypeError, "`text`=None is no pattern"),
        ("CONV*N", {"counts": {"N": 1.5}}, TypeError, r"`counts\['N'\]`=1.5 must be an int"),
        ("CONV*N", {"counts": {"N": -1}}, ValueError, r"`counts\['N'\]`=-1 must be at least 0"),
        ("CONV-POOL?", {"pool": 2}, TypeError, "`pool`=2 must be True or False"),
        ("(" * 2000, {}, ValueError, "more than 100 brackets in one another"),
        ("[CONV-RELU]*999999999", {}, ValueError, "2 layers 999,999,999 times: more than 10,000 are not built"),
        ("CONV*" + "9" * 5000, {}, ValueError, "more than 10,000 are not built"),
        ("CONV*9000-CONV*9000", {}, ValueError, "more than 10,000 layers"),
    ],
)
def test_a_pattern_that_cannot_be_built_is_refused_at_once(text, options, error, message):
    with pytest.raises(error, match=message):
        from_pattern(text, **options)
