"""Widgets in a real browser: a slider is moved, and the picture and the words follow."""

import os

import pytest
from test_lab import lab, open_and_run  # noqa: F401  (lab is a fixture)


@pytest.fixture
def page(lab, browser):  # noqa: F811
    address, _ = lab
    page = open_and_run(browser, address, "s3_recap/s3_recap.ipynb")
    yield page
    page.close()


def test_a_slider_moves_the_picture(page, tmp_path):
    words = page.locator(".glmmlib-words")
    words.wait_for(timeout=90_000)
    picture = page.locator('.widget-vbox img[alt^="At x ="]')
    assert "x = 1.0" in words.inner_text() and "p = 0.73" in words.inner_text()
    before = picture.get_attribute("src")

    handle = page.locator(".widget-hslider", has_text="x").last.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.glmmlib-words').innerText.includes('x = 1.1')")
    assert picture.get_attribute("src") != before
    assert "x = 1.1" in picture.get_attribute("alt")

    page.get_by_role("button", name="Poisson, log link").click()
    page.wait_for_function("() => document.querySelector('.glmmlib-words').innerText.includes('λ = 3.00')")
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 300
    words.scroll_into_view_if_needed()
    page.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + "/link_explorer.png")


def test_the_threshold_follows_the_sliders(lab, browser, tmp_path):  # noqa: F811
    page = open_and_run(browser, lab[0], "s9_psychometrics/s9_psychometrics.ipynb")
    words = page.locator(".glmmlib-words")
    words.wait_for(timeout=90_000)
    picture = page.locator('.widget-vbox img[alt^="With guess rate"]')
    assert "the threshold is 1.70 arcmin" in words.inner_text()
    before = picture.get_attribute("src")

    handle = page.locator(".widget-hslider", has_text="lapse rate").locator(".noUi-handle")
    handle.focus()
    for _ in range(4):
        handle.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.glmmlib-words').innerText.includes('lapse rate 0.020')")
    assert "from 0.250 to 0.980" in words.inner_text() and "the threshold is 1.72 arcmin" in words.inner_text()
    assert picture.get_attribute("src") != before and "0.980" in picture.get_attribute("alt")
    words.scroll_into_view_if_needed()
    page.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + "/threshold_explorer.png")
    page.close()


def test_a_tick_changes_the_model(lab, browser, tmp_path):  # noqa: F811
    page = open_and_run(browser, lab[0], "s7_issues/s7_issues.ipynb")
    words = page.locator(".glmmlib-words")
    words.wait_for(timeout=90_000)
    assert "14 parameters" in words.inner_text()
    page.get_by_role("checkbox", name="interaction varies").click()
    page.wait_for_function("() => document.querySelector('.glmmlib-words').innerText.includes('10 parameters')")
    words.scroll_into_view_if_needed()
    page.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + "/singular_explorer.png")
    page.close()


def test_the_laplace_explorer_follows_its_sliders(lab, browser, tmp_path):  # noqa: F811
    page = open_and_run(browser, lab[0], "s10_inside_the_fitter/s10_inside_the_fitter.ipynb")
    words = page.locator(".glmmlib-words")
    words.wait_for(timeout=90_000)
    assert words.inner_text().startswith("4 of 4 trials correct, θ = 2.5")
    picture = page.locator('.widget-vbox img[alt*="trials correct"]')
    before = picture.get_attribute("src")
    handle = page.locator(".widget-hslider", has_text="trials").locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.glmmlib-words').innerText.startsWith('5 of 5')")
    assert picture.get_attribute("src") != before
    words.scroll_into_view_if_needed()
    page.screenshot(path=os.environ.get("SCREENSHOTS", str(tmp_path)) + "/laplace_explorer.png")
    page.close()
