# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page needs nothing and runs nothing but its own script, whatever hosts are called and say."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import printable
from ansible_collections.netops.keepalive.plugins.module_utils.report.changes import changes_between
from ansible_collections.netops.keepalive.plugins.module_utils.report.page import MARK_OF_HTML, html_of, json_in_html
from ansible_collections.netops.keepalive.plugins.plugin_utils._report_forms import page_parts
from ansible_collections.netops.keepalive.tests.unit.support.hostile_report import ATTACKS, attacked
from ansible_collections.netops.keepalive.tests.unit.support.reported import made_up

PARTS = page_parts()


class Seen(html.parser.HTMLParser):
    """All tags with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: t.List[t.Tuple[str, t.Dict[str, t.Optional[str]]]] = []
        self.texts: t.Dict[str, t.List[str]] = {"script": [], "style": [], "pre": []}
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: t.List[t.Tuple[str, t.Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in self.texts:
            self.texts[self._within].append(data)


def tags_of(text: str) -> t.List[str]:
    return [tag for tag, _attributes in Seen(text).tags]


def test_it_asks_nobody_for_anything() -> None:
    text = html_of(made_up(20, "audit"), PARTS)
    seen = Seen(text)
    assert text.startswith(MARK_OF_HTML)
    for _tag, attributes in seen.tags:
        assert {"src", "href", "action", "style", "onclick"} & attributes.keys() <= {"href"}
        assert attributes.get("href") in (None, "data:,") or str(attributes["href"]).startswith("#")
    for part in (PARTS.script, PARTS.style):
        assert "url(" not in part
        assert "fetch" not in part
        assert "import" not in part.replace("!important", "")
        assert "innerHTML" not in part


def test_its_policy_allows_its_own_script_and_style_alone() -> None:
    seen = Seen(html_of(made_up(3), PARTS))
    policy = next(a["content"] for tag, a in seen.tags if tag == "meta" and "http-equiv" in a)
    script, style = seen.texts["script"][-1], seen.texts["style"][0]
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_host_says_becomes_a_tag_or_ends_the_data(attack: str) -> None:
    plain, hostile = attacked("plain"), attacked(attack)
    text = html_of(hostile, PARTS, changes_between(plain, hostile))
    assert tags_of(text) == tags_of(html_of(plain, PARTS, changes_between(plain, plain)))
    seen = Seen(text)
    data = json.loads(seen.texts["script"][0])
    assert data["hosts"][0]["name"] == f"h{printable(attack)}"
    assert text.replace("\n", "").isprintable(), "what turns the direction of writing, or is not seen at all"
    assert json.dumps(data, ensure_ascii=False).isprintable()


def test_json_within_html() -> None:
    text = "</script><!--\u2028\u2029\u202e\ufeff&\x7fä\ud800"
    shown = json_in_html({text: text})
    assert json.loads(shown) == {text: text}
    assert not set("<>&\u2028\u2029\u202e\ufeff\x7f\ud800") & set(shown)


def test_without_a_script_the_last_screen_is_shown() -> None:
    (shown,) = Seen(html_of(made_up(3), PARTS)).texts["pre"]
    assert shown.startswith("enable, 2026-11-27 08:02:30 UTC\n")
