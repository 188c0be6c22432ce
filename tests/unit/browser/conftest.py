# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A headless Chromium, one for all tests of a run."""

from __future__ import annotations

import pathlib
import shutil
import typing as t

import pytest

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(name="chromium", scope="session")
def chromium_fixture(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[t.Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not in this environment: make venv")
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromium-driver are not installed: make deps-all")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
                     "disable-background-networking", f"user-data-dir={profile}"):  # fmt: skip
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


class Browser:
    """A page in it."""

    def __init__(self, driver: t.Any, folder: pathlib.Path) -> None:
        self.driver, self._folder = driver, folder

    def open(self, text: str, width: int = 1280, height: int = 900, scheme: str = "light", media: str = "") -> None:
        path = self._folder / "page.html"
        path.write_text(text, encoding="utf-8")
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(path.as_uri())

    def run(self, script: str, *arguments: t.Any) -> t.Any:
        return self.driver.execute_script(script, *arguments)

    def texts(self, selector: str) -> t.List[str]:
        script = "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility())"
        script += ".map(e => e.textContent)"  # innerText leaves out rows that are not on the screen
        found: t.List[str] = self.run(script, selector)
        return found

    def say(self, identity: str, value: str) -> None:
        """Fill in or choose something, as a person does."""
        self.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change'))",
            identity,
            value,
        )

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys(*keys)

    def complaints(self) -> t.List[str]:
        """Return what is in the console since it was looked at, violations of the policy too."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(name="browser")
def browser_fixture(chromium: t.Any, tmp_path: pathlib.Path) -> t.Iterator[Browser]:
    browser = Browser(chromium, tmp_path)
    yield browser
    assert browser.complaints() == []
