"""What the page shows of random settings is what the library computes: sizes, C, Cᵀ, outputs, gradients and ranks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minicnn
from tests.explore.conftest import Tab
from tests.explore.settings import POOLS, drawn, library

SETTINGS = [40, pytest.param(500, marks=pytest.mark.long)]
EXACT = {"rtol": 0, "atol": 0}
ROUNDED = {"rtol": 1e-6, "atol": 1e-12}  # averages and norms: the library's counts are float32


@pytest.fixture(scope="module", params=SETTINGS)
def shown(request, browser, file):
    """The settings, and what the page shows of each."""
    rng = np.random.default_rng(0)
    settings = [drawn(rng) for _ in range(request.param)]
    tab = Tab(browser, file, viewport={"width": 600, "height": 400})
    tab.go()
    script = "addresses => addresses.map(address => { explorer.load(address); return explorer.read(); })"
    read = tab.page.evaluate(script, [setting.address for setting in settings])
    tab.close()
    return list(zip(settings, read, strict=True))


@pytest.fixture(scope="module")
def accepted(shown):
    """The settings that have a meaning: what the page shows, and what the library finds with the page's arrays."""
    found = []
    for setting, page in shown:
        if not page["message"]:
            arrays = (np.array(page[name]) for name in ("x", "w", "yBar"))
            found.append((setting, page, library(setting, *arrays)))
    return found


def test_settings_without_a_meaning_are_refused_by_both(shown):
    refused = [setting for setting, page in shown if page["message"]]
    for setting in refused:
        one = np.ones(100_000)
        with pytest.raises((ValueError, IndexError)):
            library(setting, one, one, one)
    assert 0 < len(refused) < len(shown) / 2


def test_sizes(accepted):
    for setting, page, numbers in accepted:
        assert tuple(page["inShape"]) == numbers.in_shape, setting
        assert tuple(page["outShape"]) == numbers.out_shape, setting
        assert tuple(page["wShape"]) == numbers.w_shape, setting


def test_C_and_its_transpose(accepted):
    for setting, page, numbers in accepted:
        close = ROUNDED if setting.kind in ("average", "lp") else EXACT
        np.testing.assert_allclose(page["C"], numbers.C, **close, err_msg=setting.address)
        np.testing.assert_allclose(page["CT"], page["C"], **EXACT, err_msg=setting.address)


def test_outputs(accepted):
    for setting, page, numbers in accepted:
        close = ROUNDED if setting.kind in ("average", "lp") else EXACT
        np.testing.assert_allclose(page["y"], numbers.y, **close, err_msg=setting.address)


def test_gradients(accepted):
    for setting, page, numbers in accepted:
        close = ROUNDED if setting.kind in ("average", "lp") else EXACT
        np.testing.assert_allclose(page["xBar"], numbers.x_bar, **close, err_msg=setting.address)
        if setting.kind not in POOLS:
            np.testing.assert_allclose(page["wBar"], numbers.w_bar, **EXACT, err_msg=setting.address)


def test_ranks_and_unread_inputs(accepted):
    for setting, page, numbers in accepted:
        assert page["rank"] == np.linalg.matrix_rank(numbers.C), setting
        if setting.kind not in ("max", "lp"):
            assert page["unread"] == np.flatnonzero(~numbers.C.any(0)).tolist(), setting


def test_the_functions_themselves(accepted):
    """A sample of what was compared with maps is compared with the functions and with JAX's derivative of them."""
    sample = [(s, page) for s, page, _ in accepted if s.kind == "convolution" and not s.transpose][:2]
    sample += [(s, page) for s, page, _ in accepted if s.transpose][:2]
    sample += [next((s, page) for s, page, _ in accepted if s.kind == kind) for kind in ("max", "average", "lp")]
    for setting, page in sample:
        x, w, y_bar = (
            jnp.array(page[name], jnp.float32).reshape(page[shape])
            for name, shape in (("x", "inShape"), ("w", "wShape"), ("yBar", "outShape"))
        )
        y, vjp = jax.vjp(lambda x: function(setting, w)(x), x)  # noqa: B023
        np.testing.assert_allclose(y.ravel(), page["y"], rtol=1e-5, atol=1e-5, err_msg=setting.address)
        np.testing.assert_allclose(vjp(y_bar)[0].ravel(), page["xBar"], rtol=1e-5, atol=1e-5, err_msg=setting.address)


def function(setting, w):
    """The library's function of a setting."""
    sizes, options = setting.sizes, setting.options
    given = {"stride": sizes["stride"], "padding": setting.padding, "dilation": sizes["dilation"]}
    if setting.kind in POOLS:
        extra = {"ceil_mode": options["ceil"]}
        extra |= {"count_include_pad": options["count_padding"]} if setting.kind == "average" else {}
        extra |= {"p": float(options["p"])} if setting.kind == "lp" else {}
        pool = {"max": minicnn.max_pool, "average": minicnn.avg_pool, "lp": minicnn.lp_pool}[setting.kind]
        return lambda x: pool(x, sizes["kernel"], **given, **extra)
    given |= {name: options[name] for name in ("padding_mode", "groups", "flip") if name in options}
    given |= {"stretch": sizes["stretch"]} if "stretch" in sizes else {}
    if setting.transpose:
        return lambda x: minicnn.conv_transpose(x, w, output_padding=sizes["output_padding"], **given)
    return lambda x: minicnn.conv(x, w, **given)


@pytest.mark.parametrize("language", ["minicnn", "lax", "torch"])
def test_code_to_copy_computes_what_the_page_shows(accepted, language):
    """A sample that has every kind of layer and of padding; where a library has no such layer the page says so."""
    if language == "torch":
        pytest.importorskip("torch")
    seen, ran = set(), 0
    for setting, page, _ in accepted:
        source = page["code"][language]
        kind = (setting.kind, setting.transpose, setting.options.get("padding_mode"))
        if source is None or kind in seen:
            continue
        seen.add(kind)
        names = {}
        exec(source, names)
        y = np.asarray(names["y"]).ravel()
        np.testing.assert_allclose(y, page["y"], rtol=1e-5, atol=1e-5, err_msg=f"{setting.address}\n{source}")
        ran += 1
    assert ran > 8
