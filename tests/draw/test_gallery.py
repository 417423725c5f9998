"""The gallery's numbers are the published ones, a wrong one is found, and every animation has a text."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from minicnn.draw.gallery import Exhibit, check, example_of, make, write_index
from minicnn.draw.guide import PUBLISHED, W, X
from minicnn.identities.comparison import compare


def test_all_animations_of_the_guide_are_there():
    kinds = [published.kind for published in PUBLISHED if not published.numbers]
    assert (kinds.count("convolution"), kinds.count("transposed")) == (7 + 1, 7)
    assert sum(bool(published.numbers) for published in PUBLISHED) == 4
    assert len({published.name for published in PUBLISHED}) == 19


def test_the_numbers_of_the_guide_are_those_of_its_seed():
    rng = np.random.RandomState(1234)
    np.testing.assert_array_equal(X, rng.randint(0, 4, (5, 5)))
    np.testing.assert_array_equal(W, rng.randint(0, 3, (3, 3)))


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_the_published_numbers_are_found(published):
    example = example_of(published)
    assert [found for found in check(published, example) if not found.ok] == []
    assert len(example.C) == (published.i if published.kind == "transposed" else published.o) ** 2
    assert example.formula[0].split(",")[0].endswith(f"= {published.out_size}")


def test_a_wrong_number_is_found():
    published = PUBLISHED[0]
    example = example_of(published)
    for wrong in ({"nnz": 35}, {"o": 3}, {"numbers": ((1.0,),)}):
        assert not all(found.ok for found in check(replace(published, **wrong), example))


class Pictures(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


def test_the_page_describes_its_pictures(tmp_path):
    made = make(PUBLISHED[0], tmp_path)
    assert made.ok
    other = Exhibit(PUBLISHED[7], "other.gif", made.example, (compare("non-zeros", 35, 36, keep=True),))
    assert not other.ok
    page = write_index([made, other], tmp_path).read_text()
    parser = Pictures()
    parser.feed(page)
    assert [picture["src"] for picture in parser.found] == ["no_padding_no_strides.gif", "other.gif"]
    assert all("4 pictures, one for each output" in picture["alt"] for picture in parser.found)
    assert (tmp_path / "no_padding_no_strides.gif").stat().st_size > 0
    assert "<td>✗</td><td>non-zeros</td><td>36</td><td>35</td>" in page
    assert "w flipped on both axes" in page
