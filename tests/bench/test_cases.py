"""What is measured, and how it is asked for."""

import pytest

from minicnn.bench import CASES, find


def test_there_are_13_convolutions_and_every_name_is_its_own() -> None:
    assert sum(case.panel == "convolution" for case in CASES) == 13
    assert len({case.name for case in CASES}) == len(CASES)


def test_an_unknown_case_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="names no case: there are LeNet-5 step"):
        find(["nothing of the kind"])
