# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Well-known programs that install a list of allowed system calls themselves, on which those of the libraries are not.

The host-wide mode leaves them alone by default: the role's C(keepalive_host_opt_outs) and its README have the same
names, and a test compares them. Whoever has such a list and allows setsockopt on it (ntpsec, for one) is not here.
"""

from __future__ import annotations

import os
import typing as t


class OwnList(t.NamedTuple):
    """One program."""

    when: str
    """What makes it install the list."""
    instead: str
    """What an operator can do about it."""


OWN_LISTS: t.Dict[str, OwnList] = {
    "chronyd": OwnList(
        "with -F, as Debian starts it; it opens a TCP connection for a source with 'nts'",
        "start it with -F 0 (Debian: DAEMON_OPTS in /etc/default/chrony)",
    ),
    "dhcpcd": OwnList("where it drops its privileges", "it opens no TCP connection: it needs no keepalive"),
    "tor": OwnList("with 'Sandbox 1' in torrc", "it has a setting of its own (KeepalivePeriod)"),
    "vsftpd": OwnList(
        "unless vsftpd.conf says seccomp_sandbox=NO",
        "it turns keepalive on by itself, so net.ipv4.tcp_keepalive_time of the host counts",
    ),
}


def own_list(program: str) -> t.Optional[OwnList]:
    """Return what is known of the program with this path, None where nothing is."""
    return OWN_LISTS.get(os.path.basename(program))
