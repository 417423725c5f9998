"""What was taken for something else is drawn, and nothing that was not."""

import numpy as np
import pytest

from minicnn import draw

IMAGES = np.random.default_rng(0).normal(size=(50, 6, 5, 1))
LABELS = np.arange(50) % 10


def test_the_misread_ones_are_drawn_with_what_they_were_taken_for():
    said = LABELS.copy()
    said[[4, 17]] = 9
    axes = draw.misread(IMAGES, LABELS, said)
    assert [text.get_text() for text in axes.texts] == ["4 → 9", "7 → 9"]
    for image, n in zip(axes.images, (4, 17), strict=True):
        found = np.asarray(image.get_array(), float).reshape(6, 5)
        np.testing.assert_allclose(found * np.ptp(IMAGES) + IMAGES.min(), IMAGES[n, ..., 0], atol=1e-12)
    assert axes.get_title() == "2 of 50 misread"


def test_at_most_forty_are_drawn_and_their_number_is_said():
    axes = draw.misread(IMAGES.repeat(3, -1), LABELS, (LABELS + 1) % 10, classes=list("abcdefghij"))
    assert len(axes.images) == 40
    assert axes.texts[0].get_text() == "a → b"
    assert axes.get_title() == "50 of 50 misread, the first 40 of them"


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match=r"`labels` has shape \(50,\) and `said` \(3,\): give one of each for the 50"):
        draw.misread(IMAGES, LABELS, [1, 2, 3])
    with pytest.raises(ValueError, match=r"`images` has shape \(50, 6, 5\)"):
        draw.misread(IMAGES[..., 0], LABELS, LABELS)
