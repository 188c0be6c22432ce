# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transaction asks of a host, so that it can be tried with one that is only made up."""

from __future__ import annotations

import typing as t

from .restarts import RestartRequest, RestartResult


class StepFailed(Exception):
    """A step did not succeed; the text says what was seen."""

    def __init__(self, seen: str, unit: str = "", nothing_done: bool = False) -> None:
        super().__init__(seen)
        self.unit = unit
        """The unit that did not come back, if it was one."""
        self.nothing_done = nothing_done
        """Whether the step is known to have changed nothing."""


class Written(t.NamedTuple):
    """What writing the drop-ins has changed, and what an earlier run has left."""

    changed: t.Sequence[str]
    unfinished: t.Mapping[str, bool]
    """Units of an earlier run that did not come to its end, and whether they ran before it."""
    in_force: t.Sequence[str]
    """Those that run already with what that one has written: to go back, they have to be restarted."""
    remarked: t.Sequence[str] = ()
    """Those of V(changed) of whose drop-ins only comments change: nobody is restarted for these."""


class Changed(t.NamedTuple):
    """What became of one of the files that every process of the host is told by."""

    changed: bool
    concerns_all: bool = False
    """Whether what it says of every service is new, and not of some alone."""
    notes: t.Sequence[str] = ()


class LibrariesGone(t.NamedTuple):
    """What became of the libraries when nobody was to have them any more."""

    removed: t.Sequence[str] = ()
    """The files that went."""
    used_by: t.Sequence[t.Mapping[str, t.Any]] = ()
    """The processes that still map one because the host told them to: for these all of them stay."""


class TransactionHost(t.Protocol):
    """A host. Each raises StepFailed where it does not succeed."""

    def lock(self) -> None:
        """Keep other runs away.

        :raises NotLocked: one is there.
        """

    def unlock(self) -> None:
        """Let other runs in."""

    def host_wide_left(self) -> bool:
        """Tell whether a run that did not come to its end has changed what every process is told."""

    def write_settings(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        """Write the settings file, or remove it; what was there before is on the disk first."""

    def write_line(self, wanted: t.Mapping[str, t.Any]) -> Changed:
        """Have every program load the libraries, or none; what was there before is on the disk first."""

    def put_back_host_wide(self) -> t.Sequence[str]:
        """Give both files what they said before; return which of them said something else by now."""

    def without_libraries(self) -> t.Sequence[t.Mapping[str, t.Any]]:
        """Return the processes that would take part in the host-wide mode, if they were started now."""

    def write(
        self, dropins: t.Sequence[t.Mapping[str, t.Any]], listed: t.Optional[t.Sequence[str]], purge: bool = False
    ) -> Written:
        """Write and remove drop-ins, all or none; what was there before is on the disk first."""

    def restart(self, request: RestartRequest, done: RestartResult) -> None:
        """Have systemd read its files, restart what is due, and see that it stays up; 'done' grows with the work."""

    def set_programs(
        self,
        names: t.Sequence[str],
        done: t.Dict[str, t.Any],
        texts: t.Optional[t.Mapping[str, t.Optional[str]]] = None,
        back: bool = False,
    ) -> None:
        """Have the cgroups of units the programs that their drop-ins say, while the units run.

        :param done: grows with the work, by unit C(done) and C(library).
        :param texts: what drop-ins are going to say, in check mode.
        :param back: whether this is the way back.
        """

    def remove_programs(self, done: t.Dict[str, t.Any]) -> None:
        """Take every program of ours away from this host's units."""

    def set_open(self, expected: t.Sequence[t.Mapping[str, t.Any]], done: t.Dict[str, t.Any]) -> None:
        """Set the open sockets; 'done' gets C(counts), and C(previous), what it takes to undo it."""

    def verify(self, expected: t.Sequence[t.Mapping[str, t.Any]], wait: float, most: int) -> t.Dict[str, t.Any]:
        """Read the live sockets until they are right, or the time is over; return the answer."""

    def remove_libraries(self) -> LibrariesGone:
        """Remove the libraries and the command, unless a process still maps them."""

    def put_back(self, listed: t.Optional[t.Sequence[str]]) -> t.Sequence[str]:
        """Give the units the drop-ins that they had; return which, in the order in which they were changed."""

    def restore_open(self, previous: t.Optional[t.Sequence[t.Mapping[str, t.Any]]]) -> t.Dict[str, t.Any]:
        """Give the open sockets what they had (None: all that were ever set); return how many had which outcome."""

    def confirm(self, still_due: t.Sequence[str], listed: t.Optional[t.Sequence[str]], host_wide: bool = False) -> None:
        """Forget what was there before, but for the units whose restart is still due.

        :param host_wide: also of what every process is told.
        """
