# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which forms the document of a run is written beside itself."""

from __future__ import annotations

import os
import typing as t

from ..module_utils.report.changes import Changes
from ..module_utils.report.junit import MARK_OF_JUNIT, junit_of
from ..module_utils.report.markdown import MARK_OF_MARKDOWN, markdown_of
from ..module_utils.report.page import MARK_OF_HTML, PageParts, html_of
from ..module_utils.report.sheet import MARK_OF_CSV, csv_of


class FormOfFile(t.NamedTuple):
    """A form in which a document is written beside itself."""

    ending: str
    mark: str
    """How each such file begins."""
    text_of: t.Callable[[t.Mapping[str, t.Any], t.Optional[Changes]], str]


FORMS_OF_FILES = {
    "csv": FormOfFile(".csv", MARK_OF_CSV, lambda document, _changes: csv_of(document)),
    "html": FormOfFile(".html", MARK_OF_HTML, lambda document, changes: html_of(document, page_parts(), changes)),
    "junit": FormOfFile(".xml", MARK_OF_JUNIT, lambda document, _changes: junit_of(document)),
    "markdown": FormOfFile(".md", MARK_OF_MARKDOWN, markdown_of),
}


def page_parts() -> PageParts:
    """Return the files that the HTML page is made of."""
    found = []
    for name in ("page.html", "page.css", "page.js"):
        with open(os.path.join(os.path.dirname(__file__), "report_html", name), encoding="utf-8") as file:
            found.append(file.read())
    return PageParts(*found)
