"""A map in the explorer: what is said of it in the page's words, and its matrix in the page."""

import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from minicnn.draw import explore
from minicnn.explore.document import address
from minicnn.functional.local import local_map, tiled_map
from minicnn.functional.pooling import avg_pool_map, max_pool_map_at


def conv(*size, c=(1, 1), groups=1, **options):
    """A convolution with weights that are all different and not the page's own."""
    kernel = (3,) * len(size)
    w = jnp.arange(1.0, 1 + 3 ** len(size) * c[0] // groups * c[1])[::-1] / 2
    return minicnn.conv_map(w.reshape(*kernel, c[0] // groups, c[1]), size, groups=groups, **options)


def weights(*shape):
    return jnp.arange(1.0, 1 + np.prod(shape)).reshape(shape)


MAPS = {
    "convolution": conv(6, 5),
    "1-D": conv(7, stride=2, padding=((1, 2),)),
    "cropped": conv(7, 6, padding=-1),
    "flipped": conv(6, flip=True),
    "flipped and padded": conv(6, flip=True, padding=1, stride=2),
    "stretched": conv(4, 3, stretch=(2, 3), padding="FULL"),
    "channels": conv(4, 4, c=(2, 3), dilation=2, padding=2),
    "groups": conv(5, c=(2, 2), groups=2),
    "masked": conv(5, c=(2, 3), mask=[[1, 0, 1], [0, 1, 1]]),
    "circular": conv(5, 4, padding=1, padding_mode="circular"),
    "reflected, flipped": conv(6, padding=2, padding_mode="reflect", flip=True, dilation=2),
    "transposed": conv(6, 5, c=(1, 2)).T,
    "transposed, strided": conv(8, 7, stride=3, padding=1).T,
    "transposed, stretched": conv(4, stretch=3, stride=2, padding="FULL").T,
    "transposed, circular": conv(6, padding=1, padding_mode="circular", stride=2).T,
    "transposed, groups": conv(5, c=(2, 2), groups=2, stride=2).T,
    "local": local_map(weights(2, 3, 2, 2, 1, 2), (4, 5), stride=2, padding=((0, 1), 1)),
    "tiled": tiled_map(weights(2, 3, 1, 1), (6,)),
    "average": avg_pool_map((5, 6, 2), (2, 3), stride=2),
    "average, padding counted": avg_pool_map((5, 6, 1), (2, 3), padding=1, count_include_pad=True, ceil_mode=True),
    "sixteen channels": conv(4, 4, c=(4, 16)),
    "average, overhanging": avg_pool_map((6, 1), (3,), stride=2, ceil_mode=True),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", MAPS)
def test_the_page_shows_the_map_itself(tab, name):
    A = MAPS[name]
    x, y_bar = np.arange(A.shape[1], dtype=np.float32), np.arange(A.shape[0], dtype=np.float32)
    setting = explore(A, x.reshape(A.in_shape), y_bar.reshape(A.out_shape)).setting
    tab.go(address(setting))
    page = tab.read()
    assert page["message"] == ""
    assert (tuple(page["inShape"]), tuple(page["outShape"])) == (A.in_shape, A.out_shape)
    np.testing.assert_allclose(page["C"], A.matrix(), rtol=1e-7)
    assert page["x"] == x.tolist()


@pytest.mark.parametrize("name", ["local", "tiled", "average"])
def test_a_layer_is_shown_as_of_its_own_kind(name):
    assert explore(MAPS[name]).setting["kind"] == name


def test_a_max_pool_is_shown_with_its_input(tab):
    x = jnp.asarray(np.random.default_rng(0).integers(-5, 5, (5, 6, 2)), jnp.float32)
    A = max_pool_map_at(x, (2, 3), stride=1, padding=((1, 0), 1))
    tab.go(address(explore(A, x).setting))
    np.testing.assert_array_equal(tab.read()["C"], A.matrix())
    with pytest.raises(TypeError, match="together with its x"):
        explore(A, -x)


def test_a_notebook_shows_the_page_in_place():
    html = explore(conv(4, 4))._repr_html_()
    assert html.startswith("<iframe srcdoc=")
    assert "<script" not in html


def test_an_exploration_is_saved_as_a_page(tmp_path):
    path = explore(conv(4)).save(tmp_path / "page.html")
    assert '"state":"dims=1&input=4' in path.read_text()


def test_what_the_explorer_cannot_show_is_said():
    with pytest.raises(TypeError, match="is not a setting of the explorer"):
        explore(max_pool_map_at(jnp.ones((4, 1)), (2,)))
    with pytest.raises(TypeError, match="is complex"):
        explore(minicnn.conv_map(jnp.ones((3, 1, 1), jnp.complex64), (5,)))
    with pytest.raises(ValueError, match="holds NaN"):
        explore(minicnn.conv_map(jnp.full((3, 1, 1), jnp.nan), (5,)))
    with pytest.raises(ValueError, match="an axis of 101 positions: the explorer shows up to 100"):
        explore(conv(101, 4))
    with pytest.raises(ValueError, match="17 channels: the explorer shows up to 16"):
        explore(conv(5, c=(17, 1)))
    with pytest.raises(ValueError, match="3 spatial axes"):
        explore(minicnn.conv_map(jnp.ones((1, 1, 1, 1, 1)), (2, 2, 2)))
    with pytest.raises(ValueError, match=r"`x` has shape \(5,\)"):
        explore(conv(5), x=jnp.ones(5))
