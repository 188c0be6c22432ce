# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the shell of who runs the tests has set does not decide what they find. The Makefile does it for the rest."""

from __future__ import annotations

import os
import re

_OF_A_USER = re.compile(r"(ANSIBLE|MOLECULE|TCP|LIBKEEPALIVE)_|LD_PRELOAD$|LANGUAGE$")
_NEEDED = ("ANSIBLE_COLLECTIONS_PATH", "ANSIBLE_HOME")

os.umask(0o022)  # with 077, nobody but root could read what tests have root write for others
for _name in [name for name in os.environ if _OF_A_USER.match(name) and name not in _NEEDED]:
    del os.environ[_name]
os.environ["LC_ALL"] = "C.UTF-8"  # Ansible refuses to start with one that is not installed, as ssh can bring along
