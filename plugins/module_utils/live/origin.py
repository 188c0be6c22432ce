# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has set the values that are on a socket: the host's defaults, one of our libraries, an earlier run, or others."""

from __future__ import annotations

import functools
import typing as t

from ..processes.effective import effective
from ..processes.facts import LibraryFiles, ProcessFacts, drop_in_of
from ..processes.said import said_ever
from ..settings.expectation import Expectation
from ..settings.options import DERIVE, LIBRARIES, LIBRARY_DIR, SYSTEM, TIMING, user_timeout_from
from ..sockets.compare import Kernel
from ..sockets.defaults import Kernels
from ..sockets.record import Record, Verdict
from ..sockets.sweep import Sweep
from .changes import TIMES, set_by_application, times_of
from .memory import Memory

FactsOf = t.Callable[[int], ProcessFacts]
"""pid → what decides about a library in the process."""


class Origin:
    """Answers for the records of one sweep."""

    def __init__(
        self,
        sweep: Sweep,
        memory: Memory,
        facts_of: FactsOf,
        kernels: Kernels,
        library_dir: str = LIBRARY_DIR,
        said: t.Callable[[str], t.Sequence[t.Mapping[str, int]]] = lambda unit: said_ever(drop_in_of(unit)),
    ) -> None:
        """Take what is known.

        :param said: What a unit's drop-ins have said of the options in this boot.
        """
        self._said = functools.lru_cache(maxsize=None)(said)
        self._sweep = sweep
        self._memory = memory
        self._facts_of = facts_of
        self._kernels = kernels
        # Not only the libraries that the unit is to have now: an earlier setting may have named another one.
        self._libraries = LibraryFiles(library_dir, frozenset(LIBRARIES.values()))

    def kernel_of(self, record: Record) -> Kernel:
        """Return the kernel as it is in the socket's network namespace."""
        return self._kernels.of(record.namespace, self._sweep.process_in(record.namespace))

    def left_to_the_application(self, record: Record, expectation: Expectation) -> bool:
        """Tell whether a socket is not to be changed, because the application has set it."""
        return set_by_application(
            record.subject(), expectation, self.kernel_of(record), lambda: self.is_ours(record, expectation)
        )

    def is_ours(self, record: Record, expectation: Expectation) -> bool:
        """Tell whether the values on a socket are known to be those of a library, of systemd, or of an earlier run."""
        times = times_of(record.options)
        if times in self._memory.look_up(expectation.name).times:
            return True
        if expectation.by_systemd:
            # systemd sets its listeners itself; what is accepted through them inherits.
            records = self._sweep.records
            through = [records[inode] for inode in record.listeners if inode in records]
            return record.state == "LISTEN" or any(times_of(listener.options) == times for listener in through)
        if expectation.by_program and self._is_of_a_program(record, expectation):
            return True
        return self._is_of_the_library(record)

    def _is_of_a_program(self, record: Record, expectation: Expectation) -> bool:
        """Tell whether a socket has what the unit's drop-in says, or said in this boot: a program has set that."""
        unit = expectation.name if expectation.name.endswith(".slice") else record.unit
        return record.keepalive is True and any(
            times_of(record.options) == self._times_of(said, record) for said in self._said(unit)
        )

    def _is_of_the_library(self, record: Record) -> bool:
        facts = self._facts_of(record.owner[0])
        if not record.keepalive or not any(self._libraries.holds(path) for path in facts.mapped or ()):
            return False
        times = times_of(record.options)
        if facts.environment is None:
            # nginx, redis and PostgreSQL overwrite it. A derived user timeout is a mark that only a library leaves.
            derived = user_timeout_from(record.options)
            return derived is not None and times[3] == derived
        return times == self._times_from(facts, facts.environment, record)

    def _times_from(
        self, facts: ProcessFacts, environment: t.Mapping[str, str], record: Record
    ) -> t.Optional[t.Tuple[t.Optional[int], ...]]:
        """Return what the library makes of its settings, on a socket that had the defaults before; None: nothing."""
        has = effective(environment, facts.settings, facts.secure is True)
        return None if has.disable else self._times_of(has.tcp, record)

    def _times_of(self, tcp: t.Mapping[str, int], record: Record) -> t.Tuple[t.Optional[int], ...]:
        values: t.Dict[str, t.Optional[int]] = {name: tcp[name] for name in TIMES}
        defaults = self.kernel_of(record).defaults or {}
        for name in TIMING:
            if values[name] == SYSTEM:
                values[name] = defaults.get(name)
        if values["user_timeout"] == DERIVE:
            values["user_timeout"] = user_timeout_from(values)
        if record.options.get("user_timeout") is None:  # MPTCP
            values["user_timeout"] = None
        return times_of(values)


class Look(t.NamedTuple):
    """What was seen of the sockets that a run is about."""

    records: t.Dict[int, Record]
    """By inode."""
    verdicts: t.Mapping[int, Verdict]
    """By inode: what is expected of each, and whether that concerns it."""
    origin: Origin
    """Who has set their values."""
    unreadable: t.Dict[int, str]
    """The processes whose sockets could not be read, each with the reason."""
