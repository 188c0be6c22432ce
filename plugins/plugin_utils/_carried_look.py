# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What looks on a host, and the ways in and out of its module, as one text.

Made when Ansible loads an action that sends it, in the process that all tasks are forked from.
"""

from __future__ import annotations

from ..module_utils.linux.carried import files_reached, text_of_files

CODE = text_of_files(files_reached(["look.on_host", "linux.module"]))
