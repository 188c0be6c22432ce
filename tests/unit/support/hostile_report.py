# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents in which all that somebody on a host can choose is an attack on who opens a report in a browser.

They are as a file brings them, and not as a run writes them: nobody relies on what was escaped before.
"""

from __future__ import annotations

from ansible_collections.netops.keepalive.plugins.module_utils.report.totals import totals_of

from .reported import RUN as _RUN
from .reported import STALE, Facts, document_of, host, socket

ATTACKS = (
    "</script><script>attacked=1</script>",
    "<!--<script>",
    "<img src=x onerror=attacked=1>",
    "'\"><svg onload=attacked=1>",
    "\u2028attacked=1\u2029",
    "\u202egnp.exe\u202c\u200f\u2066",
    "\x00\x07\x1b]0;x\x07\x1b[2J\x7f\x9b",
    "&lt;script&gt;&#x3c;",
    "__proto__",
    "constructor",
    "${attacked=1}{{ attacked }}",
    "@DATA@@SCRIPT@",
    "\ufeff\u200b\u00ad",
    "]]>*/</style><style>*{display:none}",
    "javascript:attacked=1",
)


def attacked(text: str) -> Facts:
    """The document of a host on which everything is called by a text."""
    document = document_of(_RUN, {"h1": host({"a.service": STALE}, [socket("a.service", detail="d")] * 3)})
    seen = document["hosts"].pop("h1")
    unit = seen["units"].pop("a.service")
    unit.update(why=text, reasons={text: 3})
    unit["found"][0].update(detail=text, reason=text)
    unit["found"][0]["values"][0]["option"] = text
    unit["expected"]["tcp"][text] = 1
    seen["units"][f"{text}.service"] = unit
    seen.update(why=[text], remarks=[text], due=[text], state="failed")
    seen["did"].update(changed=[text], set_open={text: 1})
    seen["undone"] = {"changed": [text], "restarted": [], "set_open": {}, "still_new": [], "failed": [text]}
    seen["libraries"] = {"made": {}, "files": {text: text}}
    document["hosts"][f"h{text}"] = seen
    document.update(totals=totals_of(document["hosts"]), collection=text, ansible=text)
    return document
