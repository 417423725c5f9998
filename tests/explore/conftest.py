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


class Tab:
    """The page in a tab, and all that went wrong in it."""

    def __init__(self, browser, file, **context):
        self.context = browser.new_context(
            **({"viewport": {"width": 1280, "height": 900}, "accept_downloads": True} | context)
        )
        self.page, self.file, self.faults, self.requests = self.context.new_page(), file, [], []
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
        self.page.clock.install(time=0)
        self.page.clock.pause_at(86_400)
        return self.go(address)

    def read(self):
        """The numbers that the page shows."""
        return self.page.evaluate("explorer.read()")

    def close(self):
        """Close the tab: nothing may have gone wrong, and nothing may have been fetched."""
        self.context.close()
        assert not self.faults
        assert not [url for url in self.requests if not url.startswith(("file:", "about:", "data:", "blob:"))]


@pytest.fixture
def tab(browser, file):
    tab = Tab(browser, file)
    yield tab
    tab.close()
