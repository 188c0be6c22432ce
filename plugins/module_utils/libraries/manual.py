# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the manual for keepalive-sockets, as it is installed: roff, for man(1)."""

from __future__ import annotations

from ..settings.version import VERSION

MANUAL_MARK = '.\\" Managed by netops.keepalive'
"""The first line of the page: one without it is not ours."""

MANUAL = (
    MANUAL_MARK
    + rf"""
.TH KEEPALIVE\-SOCKETS 1 2026-11-27 "netops.keepalive {VERSION}" "User Commands"
.SH NAME
keepalive\-sockets \- show TCP sockets with their keepalive options, and check them
.SH SYNOPSIS
.B keepalive\-sockets
.RB [ \-u
.IR unit ]...
.RB [ \-p
.IR pid ]...
.RB [ \-P
.IR port ]...
.RB [ \-w | \-W
.IR columns ]
.RB [ \-j ]
.br
.B keepalive\-sockets
.RB [ \-c ]
.RB [ \-\-metrics
.IR file ]
.RB [ \-\-facts
.IR file ]
.br
.B keepalive\-sockets \-r
.RB [ \-j ]
.SH DESCRIPTION
.B keepalive\-sockets
reads from the kernel which TCP sockets the processes of this host hold, and what is in force on each:
keepalive, its times, and the user timeout.
It changes no socket and no setting.
.PP
Without a selection it shows all sockets.
.B \-\-unit
and
.B \-\-pid
add up,
.B \-\-port
narrows.
Without root it shows what the processes of the caller hold, and says what it could not read.
.SH OPTIONS
.TP
.BR \-u ", " \-\-unit " \fIunit\fR"
A unit of systemd, a template
.RI ( worker@.service )
or a pattern
.RI ( worker@*.service ).
.TP
.BR \-p ", " \-\-pid " \fIpid\fR"
A process.
.TP
.BR \-P ", " \-\-port " \fIport\fR"
Only sockets with this port on either end.
.TP
.BR \-w ", " \-\-wide
Also SYNCNT, DEFER_ACCEPT, MAXSEG and WINDOW_CLAMP.
.TP
.BR \-W ", " \-\-width " \fIcolumns\fR"
Lines of so many columns at most; 0: the table, however wide it is.
By default, on a terminal, what fits it.
.TP
.BR \-r ", " \-\-rollout
No sockets: whether a rollout is under way here, or has left something to finish.
.TP
.BR \-j ", " \-\-json
Everything, as JSON.
.TP
.BR \-c ", " \-\-check
For monitoring: compare the live sockets with what the drop-ins of this host ask.
One line with performance data, then one for each unit that is not right.
What each reason means, and what helps, stands in
.I docs/reasons.md
of the collection.
.TP
.BR \-\-metrics " \fIfile\fR"
Write the same for the textfile collector of node_exporter;
.B \-
is standard output.
The file's folder must belong to root, and no part of its path may be a symbolic link.
.TP
.BR \-\-facts " \fIfile\fR"
Write the same as JSON, for
.IR ansible_local .
.TP
.BR \-V ", " \-\-version
Say which release this is.
.TP
.BR \-h ", " \-\-help
Say all of this in short, and what the columns are.
.SH EXIT STATUS
.SS Without \-\-check
.TP
.B 0
Everything that was asked for, and that a process holds, is shown; or the files are written.
.TP
.B 1
Something could not be read, or a file could not be written.
.TP
.B 2
Wrong arguments: no such unit, no such process.
.SS With \-\-check
.TP
.B 0
OK: every unit is as its drop-in asks; what its entry accepts counts as right.
.TP
.B 1
WARNING: sockets that a restart or a new connection puts right, too few sockets, or no such unit.
.TP
.B 2
CRITICAL: sockets, or a BPF program, that are wrong and stay so.
.TP
.B 3
UNKNOWN: something could not be seen, or nothing is asked on this host.
.SS With \-\-rollout
.TP
.B 0
None is under way, and none has left anything.
.TP
.B 1
One is under way, or has left something.
.TP
.B 2
That cannot be seen without root.
.SH EXAMPLES
.EX
keepalive\-sockets \-\-unit nginx.service
keepalive\-sockets \-\-unit \(aqworker@*.service\(aq \-\-json
keepalive\-sockets \-\-check
.EE
.SH SEE ALSO
.BR ss (8),
.BR tcp (7),
.BR systemd.socket (5),
.UR https://github.com/netops/ansible\-keepalive/blob/main/docs/reasons.md
the reasons
.UE
"""
)
