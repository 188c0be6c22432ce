# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook would change in files, shown once at its end for all hosts that it is the same on.

Ansible shows each task's C(diff) for each host: three diffs of 200 hosts are 600, and nobody finds the
one that differs.
"""

from __future__ import annotations

import difflib
import typing as t

from ..module_utils.linux.printable import printable
from ..module_utils.rollout.outcomes import block_of

Result = t.MutableMapping[str, t.Any]

PUT_OFF = "would_differ"
"""Where a result has its diffs until the playbook shows them."""

_SIDES = ("before", "after")


def put_off(result: Result) -> None:
    """Have the report show a result's diffs, and nobody before."""
    found = result.pop("diff", None) or []
    result[PUT_OFF] = found if isinstance(found, list) else [found]


def put_off_in(variables: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    """Return the diffs that were put off on a host, by its variables: those of this playbook's own look."""
    looked, done = variables.get("keepalive_rollout") or {}, variables.get("keepalive_done") or {}
    libraries = variables.get("keepalive_build_installed") or {} if looked.get("libraries_due") else {}
    return [*libraries.get(PUT_OFF, []), *(done.get(PUT_OFF, []) if done.get("look") == looked.get("id") else [])]


def shown_once(diffs: t.Mapping[str, t.Iterable[t.Mapping[str, t.Any]]]) -> list[str]:
    """Return the lines of all diffs, each once, below the names of its hosts; those of a host stay in their order.

    :param diffs: By host.
    """
    hosts_of: dict[tuple[str, ...], list[str]] = {}
    for host, of_host in diffs.items():
        for diff in of_host:
            hosts_of.setdefault(tuple(_unified(diff)), []).append(host)
    lines: list[str] = []
    for text, hosts in hosts_of.items():
        lines += [f"{block_of(hosts)}:", *text, ""] if text else []
    return [printable(line) for line in lines]


def _unified(diff: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    before, after = (str(diff.get(side) or "").splitlines() for side in _SIDES)
    first, second = (": ".join(filter(None, [side, diff.get(f"{side}_header")])) for side in _SIDES)
    yield from difflib.unified_diff(before, after, first, second, lineterm="")
