# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All restarts of a host in one go: reload systemd, restart in order what is due, watch it, look what is left.

The way back is the same with V(forced) units: these are restarted whatever their processes say, the others too where
one does not come back.
"""

from __future__ import annotations

import typing as t

from ..linux import job, systemd
from ..linux.unit_names import template_of
from ..processes.users import remains
from ..units.unit import overruled
from .due import Due, due_units, forbidden
from .restart import RestartFailed, Sequence, wrong_sockets

RestartResult = t.Dict[str, t.Any]
"""What was done; it grows with the work, so that a failure says how far it came."""

Tell = t.Callable[[str], t.Any]


class RestartRequest(t.NamedTuple):
    """What is to be restarted, and how."""

    policies: t.Mapping[str, str]
    """C(restart) by unit, in the order of the restarts."""
    expected: t.Mapping[str, t.Mapping[str, t.Any]] = {}
    """What is expected of the sockets of a unit, for one_at_a_time."""
    units: t.Sequence[str] = ()
    forced: t.Sequence[str] = ()
    assumed: t.Sequence[str] = ()
    replaced: t.Sequence[str] = ()
    """In check mode: the libraries that are going to be replaced, by path."""
    ran: t.Sequence[str] = ()
    down: t.Sequence[str] = ()
    """Those of V(ran) that are started where they do not run, whatever systemd calls that."""
    spared: t.Sequence[str] = ()
    """In check mode: those whose drop-in is going to have a program attached, for which no restart is due."""
    going: t.Sequence[str] = ()
    """In check mode: those whose drop-in is going to be taken away."""
    without: t.Sequence[str] = ()
    settle: float = 2.0
    job_timeout: int = job.TIMEOUT
    one_at_a_time: bool = False
    wait: t.Optional[float] = None
    reload: bool = False


class Restarts:
    """What is done on one host.

    :param tell: told of each step.
    """

    def __init__(
        self,
        request: RestartRequest,
        *,
        check: bool = False,
        tell: Tell = lambda _text: None,
    ) -> None:
        self._request = request
        self._check = check
        self._tell = tell
        self._names = list(dict.fromkeys([*request.policies, *request.units, *request.forced]))
        self._left_alone: t.Set[str] = set()
        self.would_restart: t.List[str] = []
        """In check mode: the units that would get a new process, and those that go along."""
        self.result: RestartResult = {
            "changed": False, "restarted": {}, "restart_due": {}, "reloaded": False, "left": []
        }  # fmt: skip

    def do(self) -> None:
        """Reload, restart, watch.

        :raises RestartFailed: a unit does not come back.
        :raises SystemdError: nothing was restarted, or systemd does not answer.
        """
        sequence = self._sequence()
        if self.result["reloaded"] and not self._check:
            self._tell("have systemd read its files")
            sequence.reload()
        lost = [] if self._check else overruled(sequence.in_order())
        lost += [f"{name}: systemctl show says nothing of it" for name in sequence.unanswered()]
        lost += [
            f"{unit.name}: {unit.damage}, so whether a restart is due is not known"
            for unit in sequence.in_order()
            if unit.damage and unit.name not in self._request.forced
        ]
        due = self._plan(sequence)
        lost += forbidden(due, self._request.policies)
        if lost:
            raise systemd.SystemdError("nothing was restarted: " + "; ".join(lost))
        self.result["changed"] = bool(due or self.result["reloaded"])
        self.result["diff"] = {"before": "", "after": "".join(f"{one}\n" for one in due)}
        if self._check:
            names = [name for one in due for name in (one.unit.name, *(() if one.reload else one.unit.together))]
            self.would_restart = list(dict.fromkeys(names))
        else:
            self._left_alone = {unit.name for unit in sequence.in_order() if unit.left_alone}
            self._restart(sequence, due)
            self.result["left"] = [self._judged(row) for row in remains(self._request.without)]

    def _sequence(self) -> Sequence:
        sequence = Sequence(systemd.ask_systemd, self._names, self._request.settle, self._request.job_timeout)
        self.result["reloaded"] = self._request.reload or sequence.reload_due()
        return sequence

    def _plan(self, sequence: Sequence) -> t.List[Due]:
        due, self.result["restart_due"] = due_units(
            sequence.in_order(),
            self._request.policies,
            assumed=self._request.assumed if self._check else [],
            replaced=self._request.replaced if self._check else [],
            forced=self._request.forced,
            ran=self._request.ran,
            down=self._request.down,
            spared=self._request.spared,
            going=self._request.going,
        )
        return due

    def _restart(self, sequence: Sequence, due: t.Sequence[Due]) -> None:
        self.result["restarted"] = sequence.restarted
        failures = []
        for one in due:
            if one.unit.name in sequence.restarted:
                continue  # systemd has restarted it with another
            self._tell(str(one))
            try:
                sequence.reload_unit(one.unit) if one.reload else sequence.restart(one.unit)
                if self._request.one_at_a_time and not one.forced:
                    sequence.watch()
                    self._verify(one.unit.name)
            except RestartFailed as failure:
                if not one.forced:
                    raise
                failures.append(failure)  # on the way back the others must not keep what the host no longer has
        if due:
            self._tell(f"see that what was restarted stays up for {self._request.settle:g} s")
        sequence.watch()
        if failures:
            raise failures[0]

    def _judged(self, row: t.Dict[str, t.Any]) -> t.Dict[str, t.Any]:
        """Say whether a process should not have anything left: one of a service that may be restarted."""
        unit = row["unit"]
        policy = self._request.policies.get(unit) or self._request.policies.get(template_of(unit) or "")
        left_alone = policy == "never" or row["by"] == "host" or unit in self._left_alone
        return {**row, "blocks": unit.endswith(".service") and not left_alone}

    def _verify(self, unit: str) -> None:
        expected = self._request.expected.get(unit) or self._request.expected.get(template_of(unit) or "")
        if self._request.wait is not None and expected:
            seen = wrong_sockets(systemd.ask_systemd, expected, self._request.wait)
            if seen:
                raise RestartFailed(unit, seen)
