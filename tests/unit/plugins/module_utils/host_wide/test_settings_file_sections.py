# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings file's text: which of its sections a change concerns."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file

HEAD = "# Managed by netops.keepalive: x\n\n# Every process of this host.\nTCP_KEEPIDLE=60\n"
SSHD = "\n# The way in.\n[program */sshd]\nLIBKEEPALIVE_DISABLE=1\n"
RSYNC = "\n# rsync\n[program /usr/bin/rsync]\nTCP_KEEPIDLE=300\n"
NGINX = "\n# nginx\n[unit nginx.service]\nTCP_KEEPIDLE=30\n"
WORKER = "\n# workers\n[unit worker@*.service]\nTCP_KEEPIDLE=31\n"
ALL = HEAD + SSHD + RSYNC + NGINX


def test_changed_headings() -> None:
    assert settings_file.changed_headings(ALL, ALL) == []
    assert settings_file.changed_headings(HEAD.replace("60", "61") + SSHD + RSYNC + WORKER, ALL) == [
        "", "[unit nginx.service]", "[unit worker@*.service]",
    ]  # fmt: skip
    assert settings_file.changed_headings("", ALL) == [
        "",
        "[program */sshd]",
        "[program /usr/bin/rsync]",
        "[unit nginx.service]",
    ]


def test_the_times_that_release_0_1_0_wrote_into_the_file_are_comments() -> None:
    """And so is what it remembered of a section that is gone."""
    stamp = "# since 2026-11-26T10:00:00.000000Z"
    stamped = HEAD.replace("TCP", f"{stamp}\nTCP") + SSHD.replace("]\n", f"]\n{stamp}\n")
    assert settings_file.changed_headings(HEAD + SSHD, f"{stamped}{stamp} without [unit nginx.service]\n") == []


@pytest.mark.parametrize(
    "heading", ["[unit nginx.servicex", "[unit nginx.service)", "[unit nginx.service]x", "[program /x}"]
)
def test_a_heading_that_does_not_end_is_nobodys(heading: str) -> None:
    text = f"{heading}\nTCP_KEEPIDLE=5\n"
    assert settings_file.parse_settings(text, "nginx.service", "/x") == {}
