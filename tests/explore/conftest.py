"""The explorer in a headless Chromium; without one these tests are skipped."""

import shutil

import pytest

from minicnn.explore import write_page

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, patient: two others may be busy on the same cores. It would go on drawing behind others."""
    here = next(filter(None, map(shutil.which, _NAMES)), None)
    if here is None:
        pytest.skip("the explorer is tested in a Chromium, and there is none: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    api.expect.set_options(timeout=60_000)
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=here, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """The page as a file."""
    return write_page(tmp_path_factory.mktemp("explorer") / "explorer.html")


SETTINGS = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True}


@pytest.fixture(scope="module")
def window(browser, file):
    """A window that shows the page already: another tab takes half as long to open there as in a window of its own."""
    context = browser.new_context(**SETTINGS)
    context.new_page().goto(file.as_uri())
    yield context
    context.close()


class Tab:
    """The page in a tab, and all that went wrong in it; in a window of its own, with its settings, if none is given."""

    def __init__(self, browser, file, window=None, **settings):
        self.browser, self.file, self.settings = browser, file, SETTINGS | settings
        self.own, self.faults, self.requests = None, [], []
        self.open(window)

    def open(self, window=None):
        """Open a tab, and a window for it if none is given."""
        if window is None:
            window = self.own = self.browser.new_context(**self.settings)
        self.page = window.new_page()
        self.page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def go(self, address=""):
        """Open the page at an address."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.file.as_uri()}#{address}")
        return self.page

    def still(self, address=""):
        """Open the page with its time standing still: milliseconds pass by `page.clock.run_for` alone, busy or not."""
        self.shut()
        self.open()  # all tabs of a window have one clock
        self.page.clock.install(time=0)
        self.page.clock.pause_at(86_400)
        return self.go(address)

    def read(self):
        """The numbers that the page shows."""
        return self.page.evaluate("explorer.read()")

    def shut(self):
        """Close the tab, and its window if that is its own."""
        (self.own or self.page).close()

    def close(self):
        """Close the tab: nothing may have gone wrong, and nothing may have been fetched."""
        self.shut()
        assert not self.faults
        assert not [url for url in self.requests if not url.startswith(("file:", "about:", "data:", "blob:"))]


@pytest.fixture
def tab(browser, file, window):
    tab = Tab(browser, file, window)
    yield tab
    tab.close()
