# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that a unit is to have by its drop-in, and whether its cgroup has it.

What is due follows from the drop-in and the kernel alone, as with the libraries: nobody notes what was attached.
"""

from __future__ import annotations

import typing as t

from ..bpf.attach import is_right
from ..bpf.attached import Attached, programs_at
from ..bpf.btf import flags_offset
from ..bpf.cgroup2 import cgroup_folder, find_root
from ..bpf.program import BpfProgram, program_for
from ..bpf.system_call import OF_CGROUPS, BpfRefused
from ..linux.systemd import Properties
from ..settings.options import LIBRARIES, OPTIONS, SWITCHES, SYSTEM, as_integer, problem_with_value
from .attach_line import attach_words, environment_told


class WantedProgram(t.NamedTuple):
    """What is to be attached to a unit's cgroup."""

    program: BpfProgram
    enforce: bool = False

    def __str__(self) -> str:
        """Return it for a diff, a line for each thing that it says."""
        values = [f"{name}={value}\n" for name, value in self.program.values.items()]
        more = ["respect\n"] if self.program.respect else []
        more += ["enforce\n"] if self.enforce else []
        return "".join([f"{', '.join(self.program.callbacks)}\n", *values, *more])


def wanted_program(content: str) -> t.Optional[WantedProgram]:
    """Return what a drop-in has keepalive-bpf attach; None where it has it attach nothing.

    :raises BpfRefused: this kernel does not say what it takes.
    """
    said = attach_words(content)
    environment = environment_told(content)
    if said is None or environment.get("LIBKEEPALIVE_DISABLE") == "1":
        return None
    respect = environment.get(SWITCHES["respect"]) == "1"
    offset = flags_offset() if respect and "by-flags" in said else 0
    hooks = [word for word in said if word in LIBRARIES] or ["socket"]
    return WantedProgram(program_for(hooks, _values(environment), respect, offset), "enforce" in said)


def _values(environment: t.Mapping[str, str]) -> t.Dict[str, int]:
    """Read the values as csrc/options.c does: what is none counts as not said."""
    values = {}
    for name, option in OPTIONS.items():
        text = environment.get(option.variable)
        number = None if text is None or problem_with_value(option, text) else as_integer(text)
        if number is not None:
            values[name] = number
    return {**values, "defer_accept": SYSTEM}  # no program sets it, and the helper says so


def cgroup_of(properties: Properties) -> str:
    """Return the folder of a unit's cgroup; '' where it has none now.

    :raises BpfRefused: this host has no cgroups that programs can be attached to.
    """
    control_group = properties.get("ControlGroup", "")
    return cgroup_folder(control_group, find_root()) if control_group.strip("/") else ""


def ours_at(folder: str) -> t.List[Attached]:
    """Return the programs of ours that are attached to a cgroup, of either kind.

    :raises BpfRefused: the kernel does not tell.
    """
    return [one for kind in OF_CGROUPS for one in programs_at(folder, kind).ours]


def unattached(properties: Properties, content: str) -> t.List[str]:
    """Say how the cgroup of a unit that runs differs from what the unit's drop-in says; empty where it does not."""
    try:
        wanted, folder = wanted_program(content), cgroup_of(properties)
        if wanted is None or not folder or is_right(folder, *wanted):
            return []
        return ["the program that is attached sets other values" if ours_at(folder) else "no program is attached"]
    except BpfRefused as error:
        return [str(error)]
