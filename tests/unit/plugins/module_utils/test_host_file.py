# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings file's text: which lines are for whom, and since when a process has to have been started."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils import _host_file

BOOT, FIRST, SECOND, THIRD = 1000.0, 2000.25, 3000.5, 4000.75

HEAD = "# Managed by netops.keepalive: x\n\n# Every process of this host.\nTCP_KEEPIDLE=60\n"
SSHD = "\n# The way in.\n[program */sshd]\nLIBKEEPALIVE_DISABLE=1\n"
RSYNC = "\n# rsync\n[program /usr/bin/rsync]\nTCP_KEEPIDLE=300\n"
NGINX = "\n# nginx\n[unit nginx.service]\nTCP_KEEPIDLE=30\n"
WORKER = "\n# workers\n[unit worker@*.service]\nTCP_KEEPIDLE=31\n"


def test_the_first_file_stands_since_now() -> None:
    assert _host_file.with_times(HEAD + SSHD, "", FIRST, BOOT) == (
        "# Managed by netops.keepalive: x\n\n# Every process of this host.\n"
        "# since 1970-01-01T00:33:20.250000Z\nTCP_KEEPIDLE=60\n"
        "\n# The way in.\n[program */sshd]\n# since 1970-01-01T00:33:20.250000Z\nLIBKEEPALIVE_DISABLE=1\n"
    )


def test_without_its_times_it_is_what_the_template_made() -> None:
    new = HEAD + SSHD + NGINX
    first = _host_file.with_times(new, "", FIRST, BOOT)
    assert _host_file.without_times(first) == new
    second = _host_file.with_times(HEAD + NGINX, first, SECOND, BOOT)
    assert _host_file.without_times(second) == HEAD + NGINX


def times(text: str) -> dict[str, float | None]:
    return {
        "nginx": _host_file.since_when(text, "nginx.service", "/usr/sbin/nginx"),
        "sshd": _host_file.since_when(text, "ssh.service", "/usr/sbin/sshd"),
        "rsync": _host_file.since_when(text, "cron.service", "/usr/bin/rsync"),
        "cron": _host_file.since_when(text, "cron.service", "/usr/sbin/cron"),
    }


ALL = HEAD + SSHD + RSYNC + NGINX
CHANGES = [
    ("nothing", ALL, {}),
    ("one unit's value", ALL.replace("IDLE=30\n", "IDLE=33\n"), {"nginx"}),
    ("one program's value", ALL.replace("IDLE=300\n", "IDLE=330\n"), {"rsync"}),
    ("every process", ALL.replace("IDLE=60\n", "IDLE=66\n"), {"nginx", "sshd", "rsync", "cron"}),
    ("a section more, of nobody here", ALL + WORKER, {}),
    ("a unit's section gone", HEAD + SSHD + RSYNC, {"nginx"}),
    ("an opt-out gone", HEAD + RSYNC + NGINX, {"sshd"}),
    ("a comment", ALL.replace("# rsync", "# copies"), {}),
    ("another order", HEAD + RSYNC + SSHD + NGINX, {"nginx", "sshd", "rsync", "cron"}),
]


@pytest.mark.parametrize(("new", "concerned"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_only_whom_a_change_concerns_is_older_than_it(new: str, concerned: set[str]) -> None:
    first = _host_file.with_times(ALL, "", FIRST, BOOT)
    assert set(times(first).values()) == {FIRST}
    found = times(_host_file.with_times(new, first, SECOND, BOOT))
    assert found == {name: SECOND if name in concerned else FIRST for name in found}


def test_what_is_gone_is_remembered_until_the_host_starts_anew() -> None:
    first = _host_file.with_times(ALL, "", FIRST, BOOT)
    second = _host_file.with_times(HEAD + RSYNC + NGINX, first, SECOND, BOOT)
    assert second.endswith("# since 1970-01-01T00:50:00.500000Z without [program */sshd]\n")
    third = _host_file.with_times(HEAD + RSYNC, second, THIRD, BOOT)
    assert times(third) == {"nginx": THIRD, "sshd": SECOND, "rsync": FIRST, "cron": FIRST}
    rebooted = _host_file.with_times(HEAD, third, THIRD + 1, THIRD + 0.5)
    assert "without [program */sshd]" not in rebooted
    back = _host_file.with_times(HEAD + SSHD + RSYNC, third, THIRD + 1, BOOT)
    assert times(back)["sshd"] == THIRD + 1, "and it is not gone any more"
    assert "without [program */sshd]" not in back


def test_what_was_edited_by_hand_is_new_when_it_is_put_right() -> None:
    first = _host_file.with_times(ALL, "", FIRST, BOOT)
    edited = first.replace("TCP_KEEPIDLE=300", "TCP_KEEPIDLE=301")
    assert times(_host_file.with_times(ALL, edited, SECOND, BOOT))["rsync"] == SECOND
    assert _host_file.since_when("# since soon\nTCP_KEEPIDLE=1\n", "", "") is None


def test_changed_headings() -> None:
    first = _host_file.with_times(ALL, "", FIRST, BOOT)
    assert _host_file.changed_headings(ALL, first) == []
    assert _host_file.changed_headings(HEAD.replace("60", "61") + SSHD + RSYNC + WORKER, first) == [
        "", "[unit nginx.service]", "[unit worker@*.service]",
    ]  # fmt: skip
    assert _host_file.changed_headings("", first) == [
        "",
        "[program */sshd]",
        "[program /usr/bin/rsync]",
        "[unit nginx.service]",
    ]
