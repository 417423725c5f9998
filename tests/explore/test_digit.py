"""The view to draw a digit in: LeNet-5 in the page is the library's, unit by unit and on the way back."""

import base64

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from minicnn.data.registry import load_data
from minicnn.explore.recording import write_weights
from minicnn.explore.weights import WEIGHTS, load_weights
from minicnn.zoo import LeNet5
from tests.explore.conftest import Tab

IMAGES = 30
SHOWN = ("C1 activation", "S2", "C3 activation", "S4", "C5 activation", "F6 activation", "output")
CLOSE = 1e-3

# The numbers of the page for many images, as 32-bit floats: the units of all layers, and the gradients.
SCRIPT = """images => {
    const text = numbers => {
        const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
        let letters = "";
        for (let n = 0; n < bytes.length; n += 32768) letters += String.fromCharCode(...bytes.subarray(n, n + 32768));
        return btoa(letters);
    };
    const units = [], gradients = [];
    images.forEach((image, n) => {
        digit.target = n % 10;
        digit.compute(image);
        digit.records.forEach(record => record.values.forEach(value => units.push(value)));
        digit.gradients.forEach(gradient => gradient.forEach(value => gradients.push(value)));
    });
    return [text(units), text(gradients)];
}"""


@pytest.fixture(scope="module")
def images():
    return load_data("digits").test.images[:IMAGES]


@pytest.fixture(scope="module")
def shown(browser, file, images):
    """For each image the units of all layers, and the gradients of the image and all layers."""
    tab = Tab(browser, file, viewport={"width": 400, "height": 400})
    tab.go("view=digit")
    found = tab.page.evaluate(SCRIPT, [image.ravel().tolist() for image in images])
    tab.close()
    return [np.frombuffer(base64.b64decode(text), np.float32).reshape(IMAGES, -1) for text in found]


@pytest.fixture(scope="module")
def computed(images):
    """The same by the library: the units of each layer, and the vjps of the layers, the last one first.

    In double precision, as the page computes: at the kinks of relu and of maxima derivatives jump, and a unit that is 0
    but for rounding may be on either side of its kink.
    """
    with jax.enable_x64(True):
        return _computed(images)


def _computed(images):
    model = LeNet5()
    images, params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), (images, load_weights()))
    ends = [model.names.index(name) + 1 for name in SHOWN]

    def stage(begin, end):
        def run(x):
            for layer, p in zip(model.layers[begin:end], params[begin:end], strict=True):
                x = layer.apply(p, x)
            return x

        return run

    @jax.jit
    def units_and_gradients(x, target):
        units, vjps = [], []
        for begin, end in zip([0, *ends], ends, strict=False):
            x, vjp = jax.vjp(stage(begin, end), x)
            units.append(x)
            vjps.append(vjp)
        gradients = [jnp.eye(10)[target]]
        for vjp in reversed(vjps):
            gradients.insert(0, vjp(gradients[0])[0])
        flat = lambda arrays: jnp.concatenate([array.ravel() for array in arrays])
        return flat(units), flat(gradients)

    return jax.vmap(units_and_gradients)(images, jnp.arange(IMAGES) % 10)


def test_units_of_all_layers_are_the_librarys(shown, computed):
    np.testing.assert_allclose(shown[0], computed[0], rtol=0, atol=CLOSE)


def test_gradients_come_back_as_the_librarys(shown, computed):
    np.testing.assert_allclose(shown[1], computed[1], rtol=0, atol=CLOSE)


def test_the_network_is_small_and_reads_its_examples(tab):
    assert WEIGHTS.stat().st_size < 300_000
    page = tab.go("view=digit")
    for digit in range(10):
        page.locator(".examples button").nth(digit).click()
        assert page.locator(".verdict").inner_text().startswith(f"{digit},")


def stroke(page, points):
    box = page.locator(".pad").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def test_drawing_with_the_mouse(tab):
    page = tab.go("view=digit")
    page.get_by_role("button", name="Clear").click()
    stroke(page, [(0.5, 0.15), (0.48, 0.85)])
    assert page.locator(".verdict").inner_text().startswith("1,")
    page.get_by_role("button", name="Clear").click()
    stroke(page, [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)])
    assert page.locator(".verdict").inner_text().startswith("7,")
    assert not page.evaluate("[...digit.image].some(Number.isNaN)")


def test_an_empty_pad_is_an_image_too(tab):
    page = tab.go("view=digit")
    page.locator(".pad").focus()
    page.keyboard.press("Delete")
    assert len(set(page.evaluate("[...digit.image]"))) == 1
    page.keyboard.press("7")
    assert page.locator(".verdict").inner_text().startswith("7,")


def test_a_unit_shows_its_receptive_field_and_its_row(tab):
    page = tab.go("view=digit")
    side = page.evaluate("digit.views[3].values.side")
    page.locator(".flow .view").nth(6).click(position={"x": 2.5 * side, "y": 4.5 * side})
    told = page.locator(".told").inner_text()
    assert told.startswith("C3, map 0, row 4, column 2:")
    assert "14×14 pixels from row 8, column 4" in told
    row = np.array(page.evaluate("[...digit.row.picture.values]")).reshape(32, 32)
    outside = row.copy()
    outside[8:22, 4:18] = 0
    assert not outside.any()
    page.keyboard.press("ArrowRight")
    assert page.locator(".told").inner_text().startswith("C3, map 0, row 4, column 3:")


def test_choosing_a_class_sends_its_gradient_back_layer_by_layer(browser, file):
    tab = Tab(browser, file, reduced_motion="reduce")
    page = tab.go("view=digit")
    before = page.evaluate("[...digit.gradients[0]]")
    page.locator(".scores button").nth(8).click()
    after = page.evaluate("[...digit.gradients[0]]")
    assert before != after
    assert page.locator(".scores button").nth(8).get_attribute("aria-pressed") == "true"
    tab.close()


def test_the_view_is_in_the_address(tab):
    page = tab.still("input=4")
    page.locator("#tab-digit").click()
    page.clock.run_for(300)
    assert "view=digit" in page.evaluate("location.hash")
    page.reload()
    assert page.locator("#digit").is_visible()
    page.locator("#tab-explore").click()
    assert tab.read()["outShape"] == [2, 2, 1]


def test_only_a_lenet_is_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a finished run"):
        write_weights(tmp_path)
