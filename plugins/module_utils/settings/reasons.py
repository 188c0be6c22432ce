# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a socket may lack the values it should have: the words of reports, and of C(accept)."""

from __future__ import annotations

import typing as t

REASONS: t.Dict[str, str] = {
    "library_not_loaded": "the process does not map the library",
    "static_executable": "a statically linked program, or Go, does not use the C library's connect() and listen()",
    "secure_exec": "a setuid or file-capability program drops LD_PRELOAD",
    "system_call_filter": "a list of allowed system calls may lack those of the library, and kills for what it lacks",
    "stale_environment": "the process was started with other values than the drop-in has now",
    "overridden_by_configuration": "another setting than the drop-in gives the process other values",
    "overridden_by_application": "the application set the option itself, after the library",
    "opened_before_preload": "the socket is older than the library in this process",
    "inherited_listener": "another process called listen(); for systemd's, name the .socket unit",
    "due_at_restart": "live: true cannot reach it: the option or the connection waits for the next restart",
    "not_supported_by_protocol": "the kernel does not have the option for this protocol (MPTCP)",
    "unreadable": "the socket could not be read: missing privilege, or a kernel before 5.6",
}
