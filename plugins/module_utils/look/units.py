# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd units are, what stands in the way of their settings, and which of their processes are stale."""

from __future__ import annotations

import os
import typing as t

from ..libraries import manifest
from ..linux import answering, systemd
from ..linux.procfs import HOST
from ..linux.quoting import shown_words
from ..linux.unit_files import assignments, exec_start, preload_entries
from ..linux.unit_names import is_template, template_of
from ..rollout import undo
from ..rollout.due import due_units, forbidden, policy_of
from ..settings.service import ResolvedService
from ..units import dropin, preflight, system_calls, wrappers
from ..units.asked import unit_from
from ..units.preflight import Obstacle
from ..units.unit import (
    Unit,
    UnitsOfHost,
    executable_of,
    foreign_assignments,
    has_no_process,
    newer_than,
    overruled,
    problems_of,
)


class UnitsReport:
    """What is said of units, one by one."""

    def __init__(self, run: systemd.Run, names: t.Sequence[str], mode: str) -> None:
        self._run = run
        self._names = names
        self._mode = mode
        self._host = UnitsOfHost(run, undo.read_previous(undo.FOLDER))
        self._units = self._host.units(names)
        self._calls = system_calls.SystemCalls(run)
        self._manager = systemd.show_manager(run) if names else systemd.Manager()

    def describe(self, name: str, by_program: bool = False) -> t.Tuple[t.Dict[str, t.Any], t.List[Obstacle]]:
        """Return a unit's dictionary and what stands in the way of its settings.

        :param by_program: whether a program of the kernel is to set its options.
        """
        if is_template(name):
            instances = [unit for unit in self._units.values() if template_of(unit.name) == name]
            fragment, drop_ins = systemd.template_files(self._run, name)
            properties: systemd.Properties = dict(instances[0].properties) if instances else {}
            properties.setdefault("ExecStart", exec_start(_text(fragment)))
            properties.update(Id=name, LoadState=_load_state_of_template(fragment, drop_ins))
        else:
            unit = self._units.get(name) or Unit(name, {"Id": name, "LoadState": "unknown"}, None, [])
            instances, properties = [unit], unit.properties
            fragment, drop_ins = properties.get("FragmentPath", ""), shown_words(properties.get("DropInPaths", ""))
        foreign = foreign_assignments(fragment, drop_ins)
        files = [file for unit in instances for file in systemd.environment_files(unit.properties)]
        if instances:  # systemd has expanded their specifiers; of a template without an instance nobody knows them
            foreign = foreign._replace(files=list(dict.fromkeys(files)))
        pids = [pid for unit in instances for pid in unit.pids]
        problems = problems_of(
            name, properties["LoadState"], properties, foreign, dropin.path_of(name), self._mode, pids, by_program
        )
        problems += [obstacle for unit in instances for obstacle in self._of_state(unit)]
        problems += [
            Obstacle(None, f"{unit.name}: {unit.damage}; what it runs with is not known: put that right, or remove it")
            for unit in instances
            if unit.damage
        ]
        return self._dictionary(name, properties, instances, fragment, foreign.environment), problems

    def of_wrappers(self, service: t.Mapping[str, t.Any]) -> t.List[Obstacle]:
        """Return what is wrong with the processes of a service that do not get what systemd gives to it."""
        resolved = ResolvedService.from_dict(service) if "tcp" in service else None
        found: t.List[Obstacle] = []
        for unit in self._named(service["name"]) if resolved else ():
            pid = unit.pids[0] if unit.pids else 0
            if not pid or pid in answering.SILENT or newer_than(pid, unit):
                continue
            files = systemd.environment_files(unit.properties)
            if "LD_PRELOAD" in preflight.set_by_file(assignments(())._replace(files=files)):
                continue  # that is what is wrong
            given = {**self._manager.environment, **systemd.environment_of(unit.properties)}
            try:
                lost = wrappers.lost_on_the_way(given, HOST.environment_of(pid), self._manager.version)
            except OSError:
                continue
            program = HOST.program_of(pid)
            if lost and resolved and not wrappers.is_told_elsewhere(program, unit.name):
                environment = dropin.environment(resolved.libraries, resolved.variables, ())
                starts = systemd.exec_path(unit.properties.get("ExecStart", ""))
                found.append(preflight.wrapper_problem(unit.name, starts, program, lost, environment))
        return found

    def _of_state(self, unit: Unit) -> t.List[Obstacle]:
        """Return what is wrong with a unit as it runs now."""
        if unit.properties["LoadState"] != "loaded" or not unit.name.endswith(".service"):
            return []
        return preflight.state_problems(unit.name, unit.properties, self._with_its_processes(unit))

    def stand_ins(self, name: str) -> t.List[str]:
        """Return the units that have the processes of one that runs and has none, as Debian's postgresql.service."""
        unit = self._units.get(name)
        return self._with_its_processes(unit) if unit else []

    def _with_its_processes(self, unit: Unit) -> t.List[str]:
        parts = shown_words(unit.properties.get("ConsistsOf", ""))
        if not parts or not has_no_process(unit):
            return []
        shown = systemd.show(self._run, parts)
        return [part for part in parts if part in shown and shown[part].get("ControlGroup")]

    def of_system_calls(self, name: str) -> t.Tuple[t.List[Obstacle], t.List[str]]:
        """Return who of a unit, or of a template's instances, may be killed for system calls, and what is not known."""
        problems: t.List[Obstacle] = []
        doubts: t.List[str] = []
        for unit in self._named(name):
            own_entry = unit.name != name and unit.name in self._names  # whose drop-in hides the template's
            if unit.properties["LoadState"] == "loaded" and not unit.name.endswith(".socket") and not own_entry:
                executable = executable_of(unit.properties, unit.pids)
                problems += self._calls.problems(unit.name, unit.properties)
                doubts += self._calls.doubts(unit.name, unit.properties, executable.path if executable else "")
        return problems, doubts

    def with_cure(self, service: t.Mapping[str, t.Any], obstacles: t.Sequence[Obstacle]) -> t.List[Obstacle]:
        """Name what this host can do instead where a library cannot get into a service's processes."""
        if "tcp" not in service or not any(one.cure for one in obstacles):
            return list(obstacles)
        from ..bpf.probe import probe  # rare, and it brings all that loads programs
        from ..units.program_place import with_program_as_cure

        slices = (unit.properties.get("Slice") for unit in self._named(service["name"]))
        slice_of = next(filter(None, slices), "system.slice")
        return with_program_as_cure(obstacles, ResolvedService.from_dict(service), probe, lambda: slice_of)

    def of_restarts(self, services: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[str]:
        """Return what stands in the way of the restarts that would be due, or that their new drop-ins make due."""
        policies = {service["name"]: service.get("restart", "if_running") for service in services}
        changes = [service["name"] for service in services if not self._has_all(service)]
        units = [self._units[name] for name in sorted(self._units) if policy_of(name, policies) != "never"]
        spared = [service["name"] for service in services if service.get("backend") == "bpf"]
        due, _reported = due_units(units, policies, assumed=changes, spared=spared)
        return forbidden(due, policies)

    def better_values(self, services: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[str]:
        """Say which services have better values of their own than their entries would give them for the first time."""
        wanted: t.Dict[str, ResolvedService] = {}
        asked = []
        for service in services:
            name = service["name"]
            units = [unit for unit in self._named(name) if unit.pids and not unit.drop_in]
            if units and "tcp" in service and not name.endswith(".socket"):
                wanted[name] = ResolvedService.from_dict(service)
                asked.append(unit_from(name, None if is_template(name) else units[0].properties))
        if not wanted:
            return []
        from ..sockets.portable import PortableReader  # only where some have no drop-in yet
        from ..verdicts.own_values import better_values_of

        return better_values_of(wanted, asked, PortableReader())

    def _has_all(self, service: t.Mapping[str, t.Any]) -> bool:
        """Tell whether the drop-in of a service says already what it is to say; of a socket it is not looked into."""
        try:
            own = dropin.read_drop_in(self._host.path_of(service["name"]))
        except OSError:  # it is told what is wrong with it
            return True
        if own is None or "tcp" not in service or service["name"].endswith(".socket"):
            return own is not None
        resolved = ResolvedService.from_dict(service)
        has, wanted = dropin.environment_in(own), {**dropin.environment(resolved.libraries, resolved.variables, ())}
        ours = preload_entries(wanted.pop("LD_PRELOAD"))
        mapped = [entry for entry in preload_entries(has.pop("LD_PRELOAD", "")) if dropin.is_own_library(entry)]
        return has == wanted and mapped == ours

    def filtered_elsewhere(self) -> t.List[t.Dict[str, t.Any]]:
        """Return the processes of other services that have a list of system calls of their own."""
        return self._calls.elsewhere({unit.properties["Id"] for unit in self._units.values()})

    def _named(self, name: str) -> t.List[Unit]:
        return [unit for unit in self._units.values() if name in (unit.name, template_of(unit.name))]

    def without_reload(self, name: str) -> t.List[str]:
        """Return the unit, or the instances of the template, that systemd cannot reload."""
        return [
            unit.name
            for unit in self._named(name)
            if unit.properties["LoadState"] == "loaded" and unit.properties.get("CanReload") == "no"
        ]

    def _dictionary(
        self,
        name: str,
        properties: systemd.Properties,
        instances: t.List[Unit],
        fragment: str,
        environment: t.Mapping[str, str],
    ) -> t.Dict[str, t.Any]:
        template = is_template(name)
        active = [unit for unit in instances if systemd.is_active(unit.properties)]
        pids = [pid for unit in instances for pid in unit.pids]
        executable = None if name.endswith(".socket") else executable_of(properties, pids)
        damaged = any(unit.damage for unit in instances)
        own = None if damaged else dropin.read_drop_in(self._host.path_of(name))
        unread = [unit for unit in instances if unit.properties.get("NeedDaemonReload") == "yes"]
        return {
            "id": properties["Id"],
            "type": "template" if template else name.rsplit(".", 1)[1],
            "load_state": properties["LoadState"],
            "active_state": "active" if active and template else properties.get("ActiveState", "inactive"),
            "instances": sorted(unit.name for unit in instances) if template else [],
            "fragment_path": fragment,
            "drop_in": None if damaged else self._host.drop_in_of(name),
            "drop_in_sha256": manifest.sha256_of_text(own) if own is not None and dropin.is_ours(own) else None,
            "overruled": overruled(unit for unit in instances if unit not in unread),
            "ld_preload": self._foreign_preload(environment),
            "executable": executable
            and {
                "path": executable.path,
                "kind": executable.kind,
                "libc": executable.libc,
                "go": executable.go,
                "setuid": executable.setuid,
                "capabilities": executable.capabilities,
            },
            "need_daemon_reload": bool(unread),
            "main_pid": 0 if template else int(properties.get("MainPID", "0")),
            "stale": {unit.name: unit.stale for unit in instances if unit.stale},
            "by_program": any(unit.by_program for unit in instances),
            "unattached": {unit.name: list(unit.unattached) for unit in instances if unit.unattached},
        }

    def _foreign_preload(self, environment: t.Mapping[str, str]) -> t.List[str]:
        """Return what else the service preloads: its own, with specifiers, or what systemd gives to every service."""
        if "LD_PRELOAD" in environment:
            return dropin.foreign_preload(environment["LD_PRELOAD"])
        return dropin.foreign_preload(self._manager.environment.get("LD_PRELOAD", "").replace("%", "%%"))


def _load_state_of_template(fragment: str, drop_ins: t.Sequence[str]) -> str:
    """Say of a template what systemd says of units alone, as far as its files show it."""
    if fragment:
        return "masked" if fragment == systemd.MASKED else "loaded"
    # A drop-in may be left of what is not there any more; any other file is that of the template which the name means.
    return "merged" if any(not os.path.dirname(path).endswith(".d") for path in drop_ins) else "not-found"


def _text(fragment: str) -> str:
    """Return the files of a unit that cannot be read, among the problems of that unit."""
    try:
        return (dropin.read_drop_in(fragment) or "") if fragment else ""
    except OSError:
        return ""
