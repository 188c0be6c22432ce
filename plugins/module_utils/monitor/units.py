# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timer on a host and its service: their text, and what stands there now."""

from __future__ import annotations

import re
import typing as t

from ..libraries.command_file import NAME
from ..settings.marker import MARKER
from ..settings.options import LIBRARY_DIR

SERVICE, TIMER = "keepalive-monitor.service", "keepalive-monitor.timer"
RUN = "keepalive-monitor"
"""Below /run: where the facts are."""
FACTS = f"/run/{RUN}/keepalive.fact"
METRICS_NAME = "keepalive.prom"

_SERVICE = """\
{marker}: the next run of Ansible overwrites this file.
[Unit]
Description=Compare live sockets with the keepalive settings that they should have
ConditionPathExists={command}

[Service]
Type=oneshot
ExecStart={line}
TimeoutStartSec=300
Nice=19
IOSchedulingClass=idle
RuntimeDirectory={run}
RuntimeDirectoryMode=0755
RuntimeDirectoryPreserve=yes
UMask=0022

# Root with no other right than to look into the processes of others (SYS_PTRACE, DAC_READ_SEARCH), into their network
# namespaces and at BPF programs (SYS_ADMIN, NET_ADMIN).
CapabilityBoundingSet={capabilities}
NoNewPrivileges=yes
ProtectSystem=strict
{writes}ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=net
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service @debug bpf kcmp setns pidfd_open pidfd_getfd
SystemCallErrorNumber=EPERM
"""

_TIMER = """\
{marker}: the next run of Ansible overwrites this file.
[Unit]
Description=Compare live sockets with their keepalive settings every {interval} s

[Timer]
OnActiveSec=1
OnUnitInactiveSec={interval}
RandomizedDelaySec={jitter}
AccuracySec=1

[Install]
WantedBy=timers.target
"""

CAPABILITIES = ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_NET_ADMIN")
"""Without one of them something of sockets or programs cannot be read; before Linux 6.9 none without the last."""


class MonitorWanted(t.NamedTuple):
    """How a host is to look at itself."""

    interval: int
    jitter: int
    textfile: str
    """The folder of node_exporter's textfile collector; '' for none."""
    facts: bool

    @property
    def metrics(self) -> str:
        """Return the path of the file; '' for none."""
        return f"{self.textfile.rstrip('/')}/{METRICS_NAME}" if self.textfile else ""


def problems_of_monitor(wanted: MonitorWanted) -> t.List[str]:
    """Say what of it cannot be meant, all at once."""
    found = []
    if not 10 <= wanted.interval <= 86400:
        found.append(f"interval: {wanted.interval} is not a number of seconds from 10 to 86400")
    if not 0 <= wanted.jitter <= 3600:
        found.append(f"jitter: {wanted.jitter} is not a number of seconds from 0 to 3600")
    folder = wanted.textfile
    if folder and (not re.fullmatch(r"(/[A-Za-z0-9_+.-]+)+/?", folder) or ".." in folder.split("/")):
        found.append(
            f"textfile: {folder!r} is not an absolute path made of letters, digits and '_+.-', such as "
            "/var/lib/prometheus/node-exporter"
        )
    if not folder and not wanted.facts:
        found.append("textfile: '' and facts: false leave nothing to be written: say at least one of them")
    return found


def service_text(wanted: MonitorWanted) -> str:
    """Return the text of the service."""
    command = f"{LIBRARY_DIR}/{NAME}"
    words = [command, *(["--metrics", wanted.metrics] if wanted.textfile else [])]
    words += ["--facts", FACTS] if wanted.facts else []
    return _SERVICE.format(
        marker=MARKER,
        command=command,
        line=" ".join(words),
        run=RUN,
        writes=f"ReadWritePaths={wanted.textfile}\n" if wanted.textfile else "",
        capabilities=" ".join(CAPABILITIES),
    )


def timer_text(wanted: MonitorWanted) -> str:
    """Return the text of the timer."""
    return _TIMER.format(marker=MARKER, interval=wanted.interval, jitter=wanted.jitter)


def metrics_of(service: str) -> str:
    """Return the file that a service of ours writes for node_exporter; '' for none."""
    found = re.search(rf"(?m)^ExecStart=.* --metrics (/\S+/{re.escape(METRICS_NAME)})(?: |$)", service)
    return found[1] if found else ""
