# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the table of docs/profiles.md from the profiles that are built in; a test tells when it is due.

python tests/unit/support/profiles_page.py    # with the environment of `make venv`
"""

from __future__ import annotations

import pathlib
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.report.noticed import noticed_after
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profiles import PROFILES, Profile

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "profiles.md"
_TABLE = re.compile(r"(?s)(<!-- The table [^\n]*-->\n\n).*?(<!-- End of the table\. -->)")
_HEAD = (
    "| profile | forgets after | idle/intvl×cnt | noticed after | for |",
    "|---|---|---|---|---|",
)


def with_table(text: str) -> str:
    """Return the page's text with the table as the profiles are now."""
    table = "\n".join((*_HEAD, *map(_row, PROFILES.values())))
    return _TABLE.sub(lambda found: f"{found[1]}{table}\n\n{found[2]}", text)


def _row(profile: Profile) -> str:
    idle, interval, count = profile.times
    tcp: t.Mapping[str, int] = {**profile.tcp, "user_timeout": -1}
    cells = (
        f"`{profile.name}`",
        f"[{profile.timeout} s]({profile.source})",
        f"{idle}/{interval}×{count}",
        f"{noticed_after(tcp).idle:g} s",
        f"**{profile.what}**: {profile.why}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
