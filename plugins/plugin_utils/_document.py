# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of a run have left in the hosts' variables, as the run's document takes it."""

from __future__ import annotations

import typing as t

from ..module_utils.look.brief import in_full
from ..module_utils.report.document import HostSeen
from ..module_utils.rollout.outcomes import by_state, of_unreachable
from ..module_utils.rollout.transaction_words import changed_things
from ._gathered import Gathered, Variables, rollout_of

_STATES = {"unreachable": "no_data", "not begun": "not_begun"}
UNKNOWN = "the run has not told how it ended, so what became of this host is not known"
_SERVICES = "keepalive_services_resolved"


def of_rollout(
    told: Gathered, variables_of: t.Callable[[str], Variables], complete: bool = True, check_mode: bool = False
) -> dict[str, HostSeen]:
    """Return what is known of each host of a run that changes hosts.

    :param complete: whether this is the end; otherwise nothing is known of a host that may be under way.
    """
    outcomes = told.outcomes
    states = {host: state for state, hosts in by_state(outcomes, told.unreachable).items() for host in hosts}
    preflight = not any((outcome or {}).get("state") in ("failed", "done") for outcome in outcomes.values())
    seen: dict[str, HostSeen] = {}
    for host, outcome in outcomes.items():
        state = _STATES.get(states[host], states[host])
        why = [line for line in str(outcome.get("seen", "")).split("\n") if line]
        if state == "no_data":
            why = [of_unreachable(outcome, preflight)]
        elif state == "not_begun" and not complete:
            state, why = "no_data", [UNKNOWN]
        seen[host] = _of_host(state, why, variables_of(host), check_mode)
    return seen


def _of_host(state: str, why: list[str], variables: Variables, check_mode: bool) -> HostSeen:
    look = variables.get("keepalive_rollout") or {}
    reported = look.get("reported") or {}
    outcome = look.get("outcome") or {}
    done = variables.get("keepalive_done") or {}
    done = done if done and done.get("look", "") == look.get("id", "") else {}
    verified = rollout_of(variables).get("state") == "verified"
    answer = done.get("sockets") if verified else in_full(look.get("sockets") or {})
    # What was seen before a host was changed says nothing of it afterwards, though it was taken back.
    known = verified or done.get("state", "foreseen") in ("foreseen", "refused", "locked")
    if state == "no_data" or not known:
        answer = {}
    return HostSeen(
        state=state,
        why=why,
        mode=reported.get("mode", "services"),
        answer=answer or {},
        measured="at_end" if answer else "never",
        expected=reported.get("expected", {}),
        libraries=_libraries(reported, look, variables, check_mode),
        due=look.get("due", ()),
        remarks=[*outcome.get("remarks", ()), *done.get("remarks", ())],
        did=_did(done, variables, look, outcome, check_mode),
        undone=_undone(done.get("back") or {}),
    )


def _libraries(reported: Variables, look: Variables, variables: Variables, check_mode: bool) -> dict[str, t.Any] | None:
    installed = variables.get("keepalive_build_installed") or {}
    if look.get("libraries_due") and not check_mode and installed.get("libraries"):
        files = {**installed["libraries"], **installed.get("other_files", {})}
        made = reported.get("libraries_wanted") or {}
        sums = {name: each.get("sha256") or "" for name, each in files.items()}
        return {"made": _texts(made), "files": sums}
    there = reported.get("libraries")
    return {"made": _texts(there["made"]), "files": _texts(there["files"])} if there else None


def _texts(values: Variables) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in values.items()}


def _did(
    done: Variables, variables: Variables, look: Variables, outcome: Variables, check_mode: bool
) -> dict[str, t.Any]:
    report = {**outcome, **(done.get("report") or {})}
    did = {key: list(report[key]) for key in ("would_change", "would_restart", "stays") if key in report}
    if check_mode:
        return did
    changed = changed_things(dict(done)) if "host_wide" in done else list(report.get("removed", ()))
    installed = variables.get("keepalive_build_installed") or {}
    if look.get("libraries_due") and installed.get("changed") and "the libraries" not in changed:
        changed = ["the libraries", *changed]
    return {
        **did,
        "changed": changed,
        "restarted": list(done.get("restarted") or report.get("restarted", ())),
        "set_open": _changed_counts(done.get("counts") or {}),
    }


def _undone(back: Variables) -> dict[str, t.Any] | None:
    if not back.get("taken"):
        return None
    return {
        "changed": [*back["host_wide"], *back["written"]],
        "restarted": list(back["restarted"]),
        "set_open": _changed_counts(back["counts"]),
        "still_new": list(back["still_new"]),
        "failed": [back[key] for key in back if key.endswith("_failed") and back[key]],
    }


def _changed_counts(counts: Variables) -> dict[str, int]:
    return {unit: numbers["changed"] for unit, numbers in counts.items() if numbers.get("changed")}


def of_readings(
    hosts: t.Iterable[str], variables_of: t.Callable[[str], Variables], whole_host: bool = False
) -> dict[str, HostSeen]:
    """Return what is known of each host of a run that reads alone: an audit, or the role keepalive_verify.

    :param whole_host: whether all connections of the host were asked for.
    """
    return {host: _of_reading(variables_of(host), whole_host) for host in hosts}


def _of_reading(variables: Variables, whole_host: bool) -> HostSeen:
    audit = variables.get("audit_answer") or {} if whole_host else {}
    sockets = variables.get("keepalive_verify_sockets") or {}
    services = variables.get(_SERVICES) or []
    whole = audit if "totals" in audit else None
    missing = [one for one, due in ((audit, whole_host), (sockets, bool(services))) if due and not _has_answered(one)]
    known = _SERVICES in variables or bool(whole)
    why = [str(one["msg"]) for one in missing if one.get("msg")]
    return HostSeen(
        state="no_data" if missing or not known else "done",
        why=(why or ["not read: it failed, or could not be reached"]) if missing or not known else (),
        answer=sockets if "units" in sockets else {},
        measured="at_end" if "units" in sockets else "never",
        expected={service["name"]: service["expected"] for service in services if "expected" in service},
        audit=whole,
    )


def _has_answered(answer: Variables) -> bool:
    return "totals" in answer or "units" in answer
