# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document as one HTML file that needs nothing else, and asks nobody for anything.

Names and texts in it were chosen by users of hosts. They are in it twice, with what cannot be seen escaped, as it may
come from a file: as JSON, in which no character is left that ends a script, and as HTML, for who has no script. The
script makes nodes and texts of them, never HTML.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import typing as t

from ..linux.printable import printable, shown
from .changes import Changes
from .changes_said import changes_on_screen
from .page_data import page_data
from .screen import screen
from .units import Said

MARK_OF_HTML = '<!DOCTYPE html>\n<html lang="en" data-report="netops.keepalive">'

_HARMFUL = re.compile("[<>&\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""In JSON: what HTML reads, what some scripts take for the end of a line, and what turns the direction of writing."""
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; img-src data:; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)


class PageParts(t.NamedTuple):
    """The files that a page is made of."""

    page: str
    """With places such as C(@STYLE@)."""
    style: str
    script: str


def html_of(document: Said, parts: PageParts, changes: t.Optional[Changes] = None) -> str:
    """Return the text of the file."""
    lines = screen(document, changed=changes_on_screen(changes) if changes else ())
    policy = _POLICY.format(script=_hash_of(parts.script), style=_hash_of(parts.style))
    filled = {
        "POLICY": html.escape(policy),
        "TITLE": html.escape(printable(f"keepalive: {document['kind']}, {document['ended']}")),
        "STYLE": parts.style,
        "SCREEN": html.escape("\n".join(printable(text) for text, _what in lines)),
        "DATA": json_in_html(shown(page_data(document, changes))),
        "SCRIPT": parts.script,
    }
    return re.sub("@([A-Z]+)@", lambda place: filled[place[1]], parts.page)


def json_in_html(value: t.Any) -> str:
    """Return JSON in which nothing is left that means something to HTML, whatever is in its texts."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _HARMFUL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _hash_of(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
