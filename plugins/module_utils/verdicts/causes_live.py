# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a socket of a service with C(live) is wrong although the values were set on open sockets."""

from __future__ import annotations

import functools
import typing as t

from ..live.changes import changeable
from ..live.memory import Memory
from ..live.origin import FactsOf, Origin
from ..sockets.compare import WrongOption
from ..sockets.defaults import Kernels
from ..sockets.sweep import Sweep
from .case import Case, Cause

_FIXED_BY_RESTART = frozenset(
    ("library_not_loaded", "opened_before_preload", "stale_environment", "opened_before_attach")
)
"""The reasons that say no more than that a process or a connection is older than its settings."""


class LiveCauses:
    """Refines the causes of one sweep."""

    def __init__(
        self,
        sweep: Sweep,
        facts_of: FactsOf,
        memory: t.Optional[Memory],
        kernels: Kernels,
        library_dir: str,
    ) -> None:
        """Without a memory, that of this host is read where it is needed."""
        self._memory = memory
        self._make_origin = functools.partial(
            Origin, sweep, facts_of=facts_of, kernels=kernels, library_dir=library_dir
        )
        self._origin: t.Optional[Origin] = None

    @property
    def memory(self) -> Memory:
        """What was set before."""
        if self._memory is None:
            self._memory = Memory()
        return self._memory

    @property
    def damages(self) -> t.Tuple[str, ...]:
        """What of it could not be believed, where it was asked."""
        return tuple(self._memory.damages) if self._memory is not None else ()

    @property
    def origin(self) -> Origin:
        """Who has set the values of the sweep's sockets."""
        if self._origin is None:
            self._origin = self._make_origin(memory=self.memory)
        return self._origin

    def refine(self, cause: Cause, case: Case) -> Cause:
        """Return a better cause, or the one that there is."""
        record, expectation = case.record, case.expectation
        if not expectation.live or not record.readable:
            return cause
        by_hand = [item for item in case.wrong if changeable(item.option)]
        if by_hand and self.origin.left_to_the_application(record, expectation):
            return Cause(
                "overridden_by_application",
                f"The application itself set other values: {_named(by_hand)}; they are left alone unless "
                "'overwrite' is true.",
            )
        candidates = set(cause.candidates or (cause.reason,))
        if record.keepalive and by_hand and len(candidates) > 1:
            candidates.discard("overridden_by_application")  # the values are the host's or ours, as was just asked
        if not candidates <= _FIXED_BY_RESTART:
            return cause
        return self._due_at_restart(by_hand, case) or cause

    def _due_at_restart(self, by_hand: t.Sequence[WrongOption], case: Case) -> t.Optional[Cause]:
        memory, name = self.memory, case.expectation.name
        if name not in memory.units:
            return None  # nothing was ever set on its open sockets
        if not by_hand:
            return Cause(
                "due_at_restart",
                f"{_named(case.wrong)}: this cannot be changed on an open socket, it waits for a restart.",
            )
        if case.record.inode in memory.units[name].seen or case.expectation.by_program:
            return None
        return Cause(
            "due_at_restart",
            "Opened after the values were set on the open sockets, by a process that does not have them: the next run "
            "sets them here too, a restart sets them for good.",
        )


def _named(wrong: t.Iterable[WrongOption]) -> str:
    return ", ".join(f"{item.option} is {item.value} instead of {item.expected}" for item in wrong)
