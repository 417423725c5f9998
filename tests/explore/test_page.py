"""The page under a mouse and a keyboard."""

import json
import re

import numpy as np
import pytest

from minicnn.draw.style import tap_colors
from minicnn.explore.presets import presets
from tests.explore.conftest import Tab

expect = pytest.importorskip("playwright.sync_api").expect


def cell(page, board, u, v):
    """The middle of a cell of a board, in pixels of the window."""
    host = page.locator(f"#board-{board} .view, #view-{board}").first
    host.scroll_into_view_if_needed()
    box, side = host.locator("canvas").first.bounding_box(), page.evaluate(f"explorer.views['{board}'].side")
    return box["x"] + (u + 0.5) * side, box["y"] + (v + 0.5) * side


def readout(page):
    return page.locator("#readout").inner_text()


def test_pointing_at_an_entry_says_its_row_column_tap_and_twin(tab):
    page = tab.go("input=4")
    page.mouse.move(*cell(page, "C", 5, 1))
    assert readout(page) == (
        "Row 1, column 5 of C: output (0, 1) reads input (1, 1) through w₁₀ = 4, since 1·1 = 1·0 + 1·1 − 0 and "
        "1·1 = 1·1 + 1·0 − 0. Its twin is row 5, column 1 of Cᵀ."
    )
    page.mouse.move(*cell(page, "T", 1, 5))
    assert readout(page).startswith("Row 1, column 5 of C: output (0, 1) reads input (1, 1)")
    page.mouse.move(*cell(page, "C", 0, 3))
    assert readout(page).startswith("Row 3, column 0 of C is zero")


def test_pointing_at_numbers_says_what_they_read_and_what_reads_them(tab):
    page = tab.go("input=4&x=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15&w=1,0,0,0,1,0,0,0,1&y_bar=1,2,3,4")
    page.mouse.move(*cell(page, "y", 1, 0))
    assert "row 1 of C and column 1 of Cᵀ. It reads 9 inputs" in readout(page)
    assert "= 18." in readout(page)
    page.mouse.move(*cell(page, "x", 1, 1))
    assert readout(page).endswith("4 outputs read it, so its gradient is x̄ = 1·1 + 0·2 + 0·3 + 1·4 = 5.")
    page.mouse.move(*cell(page, "w", 0, 0))
    assert readout(page) == "Weight w₀₀ = 1 stands in 4 entries; its gradient is w̄ = 0·1 + 1·2 + 4·3 + 5·4 = 34."


def test_dragging_on_the_input_moves_the_window(tab):
    page = tab.go("input=6&stride=2&padding=1")
    page.mouse.move(*cell(page, "x", 1, 1))
    page.mouse.down()
    page.mouse.move(*cell(page, "x", 6, 6), steps=5)
    page.mouse.up()
    assert page.evaluate("explorer.state.pin") == "y8"


def test_every_array_can_be_typed_over(tab):
    page = tab.go("input=4")
    for board, name in (("x", "x"), ("w", "w"), ("yBar", "yBar")):
        page.mouse.dblclick(*cell(page, board, 1, 1))
        page.keyboard.type("-2.5")
        page.keyboard.press("Enter")
        shown = tab.read()[name]
        assert shown.count(-2.5) == 1, name
    assert "x=" in page.evaluate("explorer.written")
    C = np.array(tab.read()["C"])
    assert (C == -2.5).sum() == 4


def test_what_is_no_number_is_refused_and_the_picture_stays(tab):
    page = tab.go("input=4")
    before = tab.read()
    page.mouse.dblclick(*cell(page, "x", 0, 0))
    page.keyboard.type("NaN")
    page.keyboard.press("Enter")
    after = tab.read()
    assert "“NaN” is not a number" in after["message"]
    assert after["y"] == before["y"]


def test_walking_with_the_keyboard_alone(tab):
    page = tab.go("input=4")
    page.locator("#board-x .view").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "Input (1, 1) is column 5 of C" in readout(page)
    page.keyboard.type("7")
    page.keyboard.press("Enter")
    assert tab.read()["x"][5] == 7
    page.locator("#view-C").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("explorer.state.pin").startswith("m")


def test_every_control_is_reached_by_tab_and_has_a_name(tab):
    page = tab.go()
    unnamed = page.evaluate("""() => [...document.querySelectorAll("button, select, input, [tabindex='0']")]
        .filter(one => one.offsetParent)
        .filter(one => !(one.ariaLabel || one.labels?.length || one.textContent.trim() || one.title))
        .map(one => one.outerHTML)""")
    assert not unnamed
    seen = set()
    page.locator("#lecture").focus()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.closest('figure')?.id"))
    wanted = {
        "play",
        "scrub",
        "form",
        "keep",
        "copy",
        "svg",
        "png",
        "c-input0",
        "c-kind",
        "c-transpose",
        "board-x",
        "board-yBar",
        "view-C",
    }
    assert wanted <= seen


def test_stepping_forward_fills_in_the_output_and_backward_adds_up_the_gradient(tab):
    page = tab.go("input=4&direction=backward")
    whole = tab.read()
    C, y_bar = np.array(whole["C"]), np.array(whole["yBar"])
    page.locator("#scrub").fill("0")
    assert not any(tab.read()["xBar"])
    for step in (1, 2, 3, 4):
        page.locator("#next").click()
        np.testing.assert_array_equal(tab.read()["xBar"], C[:step].T @ y_bar[:step])
    page.locator("#direction button").first.click()
    page.locator("#back").click()
    assert page.evaluate("explorer.boards.y.known") == 3
    assert page.locator("#progress").inner_text() == "3 of 4"
    page.locator("#all").click()
    assert page.evaluate("explorer.boards.y.known") == 4


def test_play_runs_to_the_end_and_pauses(tab):
    page = tab.still("input=4")
    page.locator("#play").click()
    page.clock.run_for(1000)  # three outputs: the first at once, then two or three a second
    assert page.evaluate("explorer.model.done") == 3
    assert page.locator("#play").inner_text() == "Pause"
    page.clock.run_for(1000)
    assert page.evaluate("explorer.model.done") == 4
    assert page.locator("#play").inner_text() == "Play"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "address",
    [
        "input=4",
        "input=3&transpose=1&stride=2",
        "kind=max&input=4&kernel=2",
        "kind=average&input=4&kernel=2",
        "kind=lp&input=4&kernel=2",
    ],
)
def test_prove_it_finds_every_entry_with_one_hots(tab, address):
    page = tab.still(address)
    page.locator("#speed").select_option("4")
    page.locator("#prove-start").click()
    page.clock.run_for(30_000)
    expect(page.locator("#prove-said")).to_contain_text("every entry is the same")


def test_a_proof_of_a_wrong_matrix_fails(tab):
    page = tab.still("input=4")
    page.evaluate("explorer.model.map.coefficients[3] += 1")
    page.evaluate("explorer.player.prove()")
    page.clock.run_for(30_000)
    expect(page.locator("#prove-said")).to_have_text("2 entries differ.")


def test_one_hot_shows_what_a_pixel_sees(tab):
    page = tab.go("input=4&pin=x5")
    page.locator("#fill-x").select_option("hot")
    shown = tab.read()
    assert shown["x"] == [float(n == 5) for n in range(16)]
    np.testing.assert_array_equal(shown["y"], np.array(shown["C"])[:, 5])
    page.locator("#fill-w").select_option("random")
    page.locator("#fill-yBar").select_option("ones")
    assert set(tab.read()["yBar"]) == {1}
    page.locator("#fill-x").select_option("usual")
    assert "x=" not in page.evaluate("explorer.written").replace("max", "")


def test_the_controls_change_the_setting(tab):
    page = tab.go()
    page.locator("#c-input0").fill("7")
    page.locator("#c-stride0").fill("2")
    page.locator("#c-low0").fill("1")
    assert tab.read()["outShape"] == [3, 3, 1]
    page.locator("#c-linked").uncheck()
    page.locator("#c-kernel1").fill("2")
    assert tab.read()["wShape"] == [3, 2, 1, 1]
    page.locator("#c-word").select_option("SAME")
    assert tab.read()["outShape"] == [4, 4, 1]
    page.locator("#c-mode").select_option("circular")
    page.locator("#c-channels0").fill("2")
    page.locator("#c-channels1").fill("2")
    page.locator("#c-groups").fill("2")
    assert tab.read()["wShape"] == [3, 2, 1, 2]
    page.locator("#c-transpose").check()
    assert tab.read()["inShape"] == [7, 7, 2]
    page.locator("#c-dims").select_option("1")
    page.locator("#c-kind").select_option("max")
    assert tab.read()["C"] and "kind=max" in tab.read()["address"]


def test_every_preset_is_drawn(tab):
    page = tab.go()
    for number, preset in enumerate(presets()):
        page.locator("#c-preset").select_option(str(number))
        assert page.locator("#message").is_hidden(), preset
        named = page.evaluate("document.querySelector('#c-preset').selectedOptions[0].textContent")
        assert named == preset["name"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nonsense", "“nonsense”, which means nothing here"),
        ("input=NaN", "must be a whole number"),
        ("input=999999", "must be from 1 to"),
        ("input=40&kernel=11&channels=3", "non-zeros; the page draws up to"),
        ("channels=99", "must be from 1 to 16"),
        ("rate=1e9", "rate = 1000000000 must be"),
        ("kernel=9", "use a smaller kernel"),
        ("x=1,NaN", "“NaN” is not a number"),
        ("x=1,2", "is given 2 numbers"),
        ("pin=z9", "pin=z9"),
        ("stride=0", "must be from 1"),
        ("padding=-9", "crops more"),
        ("kind=max&padding=3&kernel=3", "lies wholly in the padding"),
        ("channels=3&groups=2", "must divide"),
        ("padding=" + "9" * 70_000, "letters"),
        ("%E0%A4%A", "means nothing"),
    ],
)
def test_a_bad_address_is_a_message_above_the_usual_setting(tab, address, said):
    tab.go(address)
    shown = tab.read()
    assert said in shown["message"]
    assert shown["outShape"] == [3, 3, 1]


def test_the_state_survives_a_reload(tab):
    page = tab.still(
        "input=4x5&kernel=2&stride=2x1&padding=1:0x0:2&pin=m3.2&form=diagonals&entries=numbers&direction=backward&step=3&theme=dark&lecture=1"
    )
    page.clock.run_for(300)
    before, address = tab.read(), page.evaluate("location.hash")
    page.reload()
    page.clock.run_for(300)
    assert tab.read() == before
    assert page.evaluate("location.hash") == address
    assert page.evaluate("document.documentElement.matches('[data-dark][data-lecture]')")


def test_comparing_shows_both_and_what_differs(tab):
    page = tab.go("input=4")
    page.locator("#keep").click()
    page.locator("#c-low0").fill("1")
    rows = page.locator("#compared-facts tr.differs th").all_inner_texts()
    assert "Shape" in rows
    assert "kernel 3×3" in page.locator("#caption-kept").inner_text()
    page.locator("#swap").click()
    assert tab.read()["outShape"] == [2, 2, 1]
    page.locator("#drop").click()
    assert page.locator("#compared").is_hidden()


def test_shading_the_forms(tab):
    page = tab.go("input=6&kernel=3&dims=1&padding=1")
    page.locator("#form").select_option("circulant")
    assert page.locator("#form-note").inner_text().startswith("The 2 hollow entries would complete C")
    for form in ("tiles", "diagonals"):
        page.locator("#form").select_option(form)
        assert page.locator("#form-note").inner_text()


def test_saving_writes_an_svg_and_a_png(tab):
    page = tab.go("input=4")
    for button, start in (("svg", b"<svg xmlns="), ("png", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(f"#{button}").click()
        assert download.value.path().read_bytes().startswith(start)


def test_taps_have_the_colors_of_the_static_figures(tab):
    to_hex = pytest.importorskip("matplotlib.colors").to_hex
    svg = tab.go("input=4&pin=").evaluate("explorer.svg()")
    assert {to_hex(color) for color in tap_colors(9)} <= set(re.findall("#[0-9a-f]{6}", svg))


def test_code_of_each_library(tab):
    page = tab.go("input=4")
    for library, call in (
        ("minicnn", "minicnn.conv(x, w)"),
        ("jax.lax", "lax.conv_general_dilated"),
        ("PyTorch", "F.conv2d"),
    ):
        page.get_by_role("button", name=library).click()
        assert call in page.locator("#source").inner_text()


@pytest.mark.parametrize("width", [360, pytest.param(768, marks=pytest.mark.long), 1600])
def test_nothing_is_wider_than_the_window(browser, file, width):
    tab = Tab(browser, file, viewport={"width": width, "height": 800})
    for address in ("input=5&padding=1", "input=32&kernel=5", "input=4&channels=3", "input=10&dims=1", "lecture=1"):
        page = tab.go(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    tab.close()


def test_the_system_decides_between_light_and_dark_unless_a_person_does(browser, file):
    tab = Tab(browser, file, color_scheme="dark")
    page = tab.go()
    dark = "document.documentElement.hasAttribute('data-dark')"
    assert page.evaluate(dark)
    page.locator("#theme").click()
    assert not page.evaluate(dark)
    tab.close()


def test_a_touch_lights_and_a_second_one_types(browser, file):
    tab = Tab(browser, file, viewport={"width": 360, "height": 700}, has_touch=True)
    page = tab.go("input=4")
    where = cell(page, "w", 1, 1)
    page.touchscreen.tap(*where)
    assert readout(page).startswith("Weight w₁₁")
    page.touchscreen.tap(*cell(page, "w", 1, 1))
    assert page.locator("input.typing").count() == 1
    tab.close()


def test_pointing_is_answered_within_a_frame_at_32_by_32(tab):
    """No clock is asserted: the time is printed, for those who measure."""
    page = tab.go("input=32&kernel=5&padding=2")
    times = page.evaluate("""() => Array.from({length: 60}, (_, n) => {
        const start = performance.now();
        explorer.point({row: 17 * n, column: -1, tap: -1});
        return performance.now() - start;
    })""")
    print(json.dumps({"median ms": float(np.median(times)), "most ms": max(times)}))
    assert len(times) == 60
