# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the open sockets of a host's units in one go, or put back what they had: the one way for both."""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..live.memory import ChangeGroup, Memory, groups_of
from ..live.origin import Look
from ..live.run import LiveRun
from ..settings.expectation import Expectation
from ..sockets.access import choose_access
from ..units.asked import askable, unit_from
from ..verdicts.answer import Question
from ..verdicts.inspection import Audit


class OpenSockets:
    """One go over the open sockets of a host."""

    def __init__(self, *, check: bool = False) -> None:
        self.memory = Memory()
        self._access = choose_access()
        self._check = check
        self._live = LiveRun(self._access.setter, self.memory, check=check)
        self.results = self._live.results
        self.names: t.List[str] = []
        """The units whose sockets are concerned."""

    @property
    def unreadable(self) -> t.Dict[int, str]:
        """The processes whose sockets are not shown to us, and why."""
        return self._live.unreadable

    def previous(self) -> t.List[t.Dict[str, t.Any]]:
        """Return what it takes to undo what was done so far."""
        return [] if self._check else [group.as_dict() for group in self.results.previous()]

    def set(self, expected: t.Sequence[Expectation]) -> None:
        """Give the sockets what is expected of them.

        :raises SystemdError: systemd does not answer; nothing was set.
        :raises OSError: the sockets of this host cannot be seen.
        """
        self.names = [expectation.name for expectation in expected]
        if self.names:
            question = self._question(expected)
            self._live.set(lambda: self._seen_by(question), expected)
        self._save()

    def restore(self, groups: t.Optional[t.Sequence[ChangeGroup]]) -> None:
        """Put back what some of them had before; None: all that was set since the host was started.

        :raises SystemdError: systemd does not answer; nothing was put back.
        :raises OSError: the sockets of this host cannot be seen.
        """
        wanted = groups
        if wanted is None:
            wanted = [group for name, unit in self.memory.units.items() for group in groups_of(name, unit.changes)]
        self.names = list(dict.fromkeys(group.unit for group in wanted))
        if self.names:
            question = self._question([])
            self._live.restore(lambda: self._seen_by(question), wanted)
        if groups is None:
            self.memory.units.clear()
        self._save()

    def _save(self) -> None:
        if not self._check:
            self.memory.save()

    def _seen_by(self, question: Question) -> Look:
        return Audit(question, self._access.reader, memory=self.memory).look()

    def _question(self, expected: t.Sequence[Expectation]) -> Question:
        """Ask systemd about all units in one call."""
        answers = systemd.show(systemd.ask_systemd, askable(self.names))
        units = tuple(unit_from(name, answers.get(name)) for name in self.names)
        return Question(units=units, pids=frozenset(), ports=frozenset(), expected=tuple(expected))
