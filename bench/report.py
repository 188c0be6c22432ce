"""How long the HTML page of a large fleet takes: to be made, to open, to filter and to sort, in headless Chromium.

The aim: with 2,000 hosts of 20 units it opens, and filters, in less than a second.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TOP / ".ansible" / "collections"))

from ansible_collections.netops.keepalive.plugins.module_utils.report.page import html_of  # noqa: E402
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_forms import page_parts  # noqa: E402
from ansible_collections.netops.keepalive.tests.unit.support.reported_fleet import realistic  # noqa: E402
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

_USE = """
const [id, value] = arguments, place = document.getElementById(id), begun = performance.now();
place.value = value;
place.dispatchEvent(new Event(id === "search" ? "input" : "change"));
document.body.offsetHeight;
return performance.now() - begun;
"""
_OPENED = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
_USES = (("search", "web0"), ("search", ""), ("show", "wrong"), ("show", "all"), ("sort", "name"), ("sort", "worst"))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", help="a file for the page")
    arguments = parser.parse_args()
    document = realistic(arguments.hosts, arguments.units)
    begun = time.perf_counter()
    text = html_of(document, page_parts())
    print(f"made in {time.perf_counter() - begun:.2f} s, {len(text.encode()) / 1e6:.1f} MB")
    if arguments.keep:
        pathlib.Path(arguments.keep).write_text(text, encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "window-size=1440,900"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            opened, used = [], []
            for _round in range(arguments.rounds):
                driver.get(f"file://{file.name}")
                opened.append(driver.execute_script(_OPENED))
                used += [driver.execute_script(_USE, *use) for use in _USES]
    finally:
        driver.quit()
    print(f"opened in {min(opened):.0f} to {max(opened):.0f} ms; search, filter, sort: at most {max(used):.0f} ms")


main()
