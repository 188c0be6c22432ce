# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was found in Prometheus' text format, for node_exporter's textfile collector.

A label is a unit's name (or C(program) and a path, in the host-wide mode), a state or a reason: nothing in it is a
user's choice but by the name of a unit of root's.
"""

from __future__ import annotations

import typing as t

from ..settings.version import VERSION
from .found import SOCKET_STATES, UNKNOWN, HostFound

METRICS: t.Dict[str, str] = {
    "keepalive_build_info": "The release of netops.keepalive that wrote this; always 1.",
    "keepalive_check_success": "Whether the last check could look at this host at all.",
    "keepalive_last_check_timestamp_seconds": "When the last check that could look ended.",
    "keepalive_check_duration_seconds": "How long that check took.",
    "keepalive_status": "The worst of the host, as exit codes of plugins: 0 ok, 1 warning, 2 critical, 3 unknown.",
    "keepalive_problems": "How many problems the host has that concern no unit alone.",
    "keepalive_host_wide": "Whether every program of the host loads a library of this collection.",
    "keepalive_units": "How many units are asked to have keepalive; a section of a program counts as one.",
    "keepalive_unit_status": "The state of a unit, as exit codes of plugins.",
    "keepalive_unit_compliant": "Whether nothing of a unit is wrong; absent where that is not known.",
    "keepalive_unit_running": "Whether a unit has processes, or listens; absent where that is not known.",
    "keepalive_sockets": "TCP sockets in the direction of a unit's settings: right, accepted, wrong or unknown.",
    "keepalive_sockets_not_right": "Why sockets, or processes, are not right, accepted ones too.",
}
"""Name to what is said of it, in the order of the file; all are gauges."""

MetricSample = t.Tuple[t.Mapping[str, str], t.Union[int, float]]


def metrics_text(found: t.Optional[HostFound], ended: float, seconds: float) -> str:
    """Return the text of the file.

    :param found: None where nothing could be looked at: then only that is said, and nothing of any unit.
    :param ended: in seconds since 1970.
    """
    samples: t.Dict[str, t.List[MetricSample]] = {
        "keepalive_build_info": [({"version": VERSION}, 1)],
        "keepalive_check_success": [({}, int(found is not None))],
    }
    if found is not None:
        samples.update(_of_host(found, ended, seconds))
    lines = []
    for name, meaning in METRICS.items():
        if samples.get(name):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(labels)} {value}" for labels, value in samples[name]]
    return "".join(f"{line}\n" for line in lines)


def _of_host(found: HostFound, ended: float, seconds: float) -> t.Dict[str, t.List[MetricSample]]:
    units = found.units
    return {
        "keepalive_last_check_timestamp_seconds": [({}, round(ended, 3))],
        "keepalive_check_duration_seconds": [({}, round(seconds, 3))],
        "keepalive_status": [({}, found.state)],
        "keepalive_problems": [({}, len(found.problems))],
        "keepalive_host_wide": [({}, int(found.host_wide))],
        "keepalive_units": [({}, len(units))],
        "keepalive_unit_status": [({"unit": unit.name}, unit.state) for unit in units],
        "keepalive_unit_compliant": [
            ({"unit": unit.name}, int(unit.compliant or 0)) for unit in units if unit.state != UNKNOWN
        ],
        "keepalive_unit_running": [
            ({"unit": unit.name}, int(unit.running)) for unit in units if unit.running is not None
        ],
        "keepalive_sockets": [
            ({"unit": unit.name, "state": state}, unit.sockets[state])
            for unit in units
            for state in SOCKET_STATES
            if state in unit.sockets
        ],
        "keepalive_sockets_not_right": [
            ({"unit": unit.name, "reason": reason}, count)
            for unit in units
            for reason, count in sorted(unit.reasons.items())
        ],
    }


def _labels(labels: t.Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _escaped(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.encode("utf-8", "backslashreplace").decode()  # bytes that are no text of a name
