# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run of a playbook came on each of its hosts, read from what its tasks have left in the hosts' variables."""

from __future__ import annotations

import typing as t

from ..module_utils.look.brief import in_full

Variables = t.Mapping[str, t.Any]

PHASES = ("inputs", "looked", "stop", "compiled", "batch", "end")
"""When a playbook reports: each of these is one of its tasks."""
FAILING = ("inputs", "stop", "compiled")
"""After these nothing is written where a host is not ready."""


class Gathered(t.NamedTuple):
    """What the report of a rollout takes."""

    outcomes: dict[str, dict[str, t.Any]]
    answers: dict[str, t.Any]
    unreachable: list[str]
    gone: list[str]
    """Those that went away in the middle."""


def gathered(
    phase: str, hosts: t.Sequence[str], reached: t.Container[str], variables_of: t.Callable[[str], Variables]
) -> Gathered:
    """Gather.

    :param hosts: all of the play.
    :param reached: those that are still in it.
    :param variables_of: the variables of a host, not templated: what tasks have left needs none.
    """
    variables = {host: variables_of(host) for host in hosts}
    lost = [host for host in hosts if host not in reached]
    looked = [each["keepalive_looked"]["hosts"] for each in variables.values() if each.get("keepalive_looked")]
    left_out = [host for host in hosts if looked and host in looked[0]["unreachable"]]
    if phase == "inputs":
        told: Variables = next(
            (each["keepalive_inputs"] for each in variables.values() if each.get("keepalive_inputs")), {}
        )
        outcomes = dict(told.get("outcomes", {}))  # of all hosts: the play has one of the refused alone
    else:
        outcomes = {host: _outcome(phase, variables[host]) for host in hosts}
        outcomes.update({host: {"left_out": True} for host in left_out})
    return Gathered(
        outcomes,
        {host: _sockets(variables[host]) for host in hosts},
        list(dict.fromkeys([*(host for host in lost if host not in left_out), *left_out])),
        [host for host in lost if host not in left_out],
    )


def answers_of(
    form: str, hosts: t.Iterable[str], variables_of: t.Callable[[str], Variables], phase: str = "end"
) -> dict[str, t.Any]:
    """Return what was read on each host, None where nothing could be; without those that have nothing to verify.

    :param form: V(sockets) or V(audit).
    :param phase: with V(looked) nothing where no host has a service listed.
    """
    variables = {host: variables_of(host) for host in hosts}
    if phase == "looked" and not any(each.get("keepalive_services_resolved") for each in variables.values()):
        return {}
    name = "keepalive_verify_sockets" if form == "sockets" else "audit_answer"
    return {
        host: each.get(name) or None
        for host, each in variables.items()
        if form != "sockets" or each.get("keepalive_services_resolved") != []
    }


def _outcome(phase: str, variables: Variables) -> dict[str, t.Any]:
    looked = (variables.get("keepalive_rollout") or {}).get("outcome") or {}
    if "keepalive_failure" in variables:
        return {"state": "refused" if phase == "compiled" else "failed", "seen": str(variables["keepalive_failure"])}
    rollout = rollout_of(variables)
    if rollout:
        return {"state": "done", **rollout.get("report", {}), "noted": rollout.get("remarks", [])}
    return dict(looked)


def rollout_of(variables: Variables) -> Variables:
    """Return what the one task of a rollout said; empty where it was not begun since the look of this playbook."""
    done, looked = variables.get("keepalive_done") or {}, variables.get("keepalive_rollout") or {}
    return done if done.get("state") in ("verified", "foreseen") and done.get("look") == looked.get("id") else {}


def _sockets(variables: Variables) -> t.Any:
    rollout = rollout_of(variables)
    if rollout:
        return {} if rollout["state"] == "foreseen" else rollout.get("sockets") or {}
    return in_full((variables.get("keepalive_rollout") or {}).get("sockets") or {})
