#!/usr/bin/python
# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_units_info
short_description: Tell what systemd units are, what stands in keepalive's way, and which processes are stale
version_added: 0.1.0
author: The netops.keepalive authors (@netops)
description:
  - Looks at any number of units with one C(systemctl show), at their files and at their processes. Changes nothing.
  - Whether a program filters its own system calls is told by how many filters its process has. How many systemd gives
    to it is asked of systemd, which for that starts C(cat) with the same settings, as a transient unit.
  - "Stale means that a restart would change something: the process was started with other variables than the unit's
    drop-in has now, or it maps a library that has since been replaced. The evidence is the process itself, so what an
    interrupted run has left undone is seen by the next."
extends_documentation_fragment: [netops.keepalive.attributes]
options:
  units:
    description:
      - Names of C(.service) and C(.socket) units. A template (V(worker@.service)) stands for its loaded instances.
      - Of these, nothing is judged; see O(services).
    type: list
    elements: str
    default: []
  services:
    description:
      - What P(netops.keepalive.resolve_services#filter) returned. Each must be there, and RV(problems) says what is not
        as it must be, but for what the entry's C(accept) allows. One that has C(if_present) need not be there; see
        RV(absent_here).
    type: list
    elements: dict
    default: []
  mode:
    description:
      - How O(services) get their settings, for RV(problems).
      - V(services), by a drop-in each. V(host), by C(/etc/ld.so.preload) and C(/etc/libkeepalive.conf), which reach
        setuid programs too, but are overruled by what a unit itself sets.
    type: str
    choices: [services, host]
    default: services
  writable:
    description:
      - Whether to look as well if the places can be written to that a rollout to O(services) writes to, and what a
        build of the libraries would need. Writes nothing.
    type: bool
    default: false
  cc:
    description: The C compiler of that build.
    type: str
    default: cc
attributes:
  diff_mode:
    support: none
seealso:
  - module: netops.keepalive.service_dropins
  - module: netops.keepalive.socket_options_info
"""

EXAMPLES = r"""
- name: Which of these need a restart?
  netops.keepalive.service_units_info:
    units: [nginx.service, worker@.service]
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.units | dict2items | selectattr('value.stale') | map(attribute='key') }}"
"""

RETURN = r"""
units:
  description: One dictionary for each unit, by the name it was asked for.
  returned: success
  type: dict
  contains:
    id:
      description: The unit's own name, where the one asked for is an alias.
      type: str
      sample: ssh.service
    type:
      description: V(service), V(socket) or V(template).
      type: str
      sample: service
    load_state:
      description:
        - V(loaded), V(not-found), V(masked), V(bad-setting) or V(error); V(merged) for another name of a template.
      type: str
      sample: loaded
    active_state:
      description: V(active), V(inactive), V(failed) and so on; of a template, V(active) where an instance is.
      type: str
      sample: active
    instances:
      description: The loaded instances of a template.
      type: list
      elements: str
      sample: []
    fragment_path:
      description: The unit's own file.
      type: str
      sample: /lib/systemd/system/nginx.service
    drop_in:
      description: The path of this collection's drop-in that is in force, its own or its template's; V(null) without.
      type: str
      sample: /etc/systemd/system/nginx.service.d/zz-keepalive.conf
    drop_in_sha256:
      description: The checksum of the unit's own drop-in of this collection, not its template's; V(null) without.
      type: str
      sample: 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef
    overruled:
      description:
        - Where systemd has read the drop-in but something else wins, what it says instead, in full sentences.
        - Empty elsewhere, and where RV(units.need_daemon_reload) holds of the unit (of a template, of that instance).
      type: list
      elements: str
      sample: []
    ld_preload:
      description: What the unit's LD_PRELOAD names besides this collection's libraries.
      type: list
      elements: str
      sample: [/usr/lib/x86_64-linux-gnu/libjemalloc.so.2]
    executable:
      description:
        - The program that runs, or would be started; V(null) for sockets and where there is none.
        - V(kind) is V(dynamic), V(static), V(script), V(missing) or V(foreign).
        - V(libc) is V(glibc), V(musl) or V(none).
      type: dict
      sample: {path: /usr/sbin/nginx, kind: dynamic, libc: glibc, go: false, setuid: false, capabilities: false}
    need_daemon_reload:
      description: Whether the unit's files have changed since systemd has read them.
      type: bool
    main_pid:
      description: The main process, 0 where none runs.
      type: int
      sample: 812
    stale:
      description: Why a restart is due, by unit (of a template, by instance); empty where none is.
      type: dict
      sample: {nginx.service: ["LD_PRELOAD is not set, the drop-in says /usr/lib/libkeepalive/libkeepalive_listen.so"]}
problems:
  description: What stands in the way of O(services), in full sentences; empty where nothing does.
  returned: success
  type: list
  elements: str
  sample: ["nginx.service: there is no such unit on this host; install its software first, or correct the name"]
absent_here:
  description:
    - The names of those of O(services) with C(if_present) that systemd does not know on this host; of a template, that
      has no unit file here. They are left out of account, and nothing of them is among RV(problems).
    - A masked unit, and one that systemd cannot load, is there.
  returned: success
  type: list
  elements: str
  sample: [cron.service]
build:
  description: What a build of the libraries needs.
  returned: success; empty without O(writable)
  type: dict
  contains:
    missing:
      description: Programs that are not there; empty where the libraries are installed already.
      type: list
      elements: str
      sample: [cc, make]
    families:
      description: The distribution, and those it is like.
      type: list
      elements: str
      sample: [ubuntu, debian]
    obstacle:
      description:
        - Why there is no place to compile, with each that was looked at (E(TMPDIR), C(/tmp), Ansible's C(remote_tmp),
          C(/var/tmp), C(/run), C(/var/lib), and the folder above the libraries) and what would be right.
        - Empty where there is one, and where the libraries are installed already.
      type: str
      sample: ""
dropins:
  description: Every unit of this host that has a drop-in of this collection, listed or not.
  returned: success
  type: list
  elements: str
  sample: [nginx.service]
unfinished:
  description: Units that a rollout had changed which was neither confirmed nor taken back.
  returned: success
  type: list
  elements: str
  sample: []
library_users:
  description:
    - Every process of this host that maps a library of this collection.
    - C(loaded_by) is V(environment), its LD_PRELOAD names it, V(host), it does not, so C(/etc/ld.so.preload) did when
      it was started, or V(unknown) where it has overwritten its environment.
  returned: success
  type: list
  elements: dict
  sample:
    - pid: 812
      unit: nginx.service
      program: /usr/sbin/nginx
      libraries: [/usr/lib/libkeepalive/libkeepalive_listen.so]
      replaced: false
      loaded_by: environment
host_wide:
  description: What this host tells every process.
  returned: success
  type: dict
  contains:
    entries:
      description: The libraries of this collection in C(/etc/ld.so.preload), as they stand there.
      type: list
      elements: str
      sample: [/usr/lib/libkeepalive/libkeepalive.so]
    settings:
      description: Whether C(/etc/libkeepalive.conf) is there and is this collection's.
      type: bool
      sample: true
    restart_due:
      description:
        - Every process that does not take part and would after a restart, and why. Without those that the settings file
          leaves alone.
      type: list
      elements: dict
      sample:
        - pid: 1
          unit: init.scope
          program: /usr/lib/systemd/systemd
          why: does not map libkeepalive.so, which /etc/ld.so.preload names
    filtered:
      description:
        - Processes of services that are not in O(services) or O(units) and have a list of allowed system calls of
          their own, so that they might be killed for those of the libraries. Empty unless O(mode=host).
      type: list
      elements: dict
      sample:
        - pid: 640
          unit: chrony.service
          program: /usr/sbin/chronyd
"""

import os
import typing as t

from ..module_utils.host_wide import state
from ..module_utils.libraries import manifest
from ..module_utils.linux import answering, systemd
from ..module_utils.linux.module import Module
from ..module_utils.linux.procfs import HOST
from ..module_utils.linux.quoting import shown_words
from ..module_utils.linux.unit_files import assignments, exec_start, preload_entries
from ..module_utils.linux.unit_names import is_template, template_of
from ..module_utils.processes.users import library_users, without_libraries
from ..module_utils.rollout import places, undo
from ..module_utils.rollout.due import due_units, forbidden, policy_of
from ..module_utils.settings.service import ResolvedService
from ..module_utils.sockets.portable import PortableReader
from ..module_utils.units import dropin, preflight, system_calls, wrappers
from ..module_utils.units.asked import unit_from
from ..module_utils.units.preflight import Obstacle
from ..module_utils.units.unit import (
    Unit,
    UnitsOfHost,
    executable_of,
    foreign_assignments,
    has_no_process,
    newer_than,
    overruled,
    problems_of,
)
from ..module_utils.verdicts.own_values import better_values_of


class Report:
    """What the module answers, unit by unit."""

    def __init__(self, run: systemd.Run, names: t.Sequence[str], mode: str) -> None:
        self._run = run
        self._names = names
        self._mode = mode
        self._host = UnitsOfHost(run, undo.read_previous(undo.FOLDER))
        self._units = self._host.units(names)
        self._calls = system_calls.SystemCalls(run)
        self._manager = systemd.show_manager(run) if names else systemd.Manager()

    def describe(self, name: str) -> t.Tuple[t.Dict[str, t.Any], t.List[Obstacle]]:
        """Return a unit's dictionary and what stands in the way of its settings."""
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
            name, properties["LoadState"], properties, foreign, dropin.path_of(name), self._mode, pids
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
        parts = shown_words(unit.properties.get("ConsistsOf", ""))
        with_process: t.List[str] = []
        if parts and has_no_process(unit):
            shown = systemd.show(self._run, parts)
            with_process = [part for part in parts if part in shown and shown[part].get("ControlGroup")]
        return preflight.state_problems(unit.name, unit.properties, with_process)

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

    def of_restarts(self, services: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[str]:
        """Return what stands in the way of the restarts that would be due, or that their new drop-ins make due."""
        policies = {service["name"]: service.get("restart", "if_running") for service in services}
        changes = [service["name"] for service in services if not self._has_all(service)]
        units = [self._units[name] for name in sorted(self._units) if policy_of(name, policies) != "never"]
        due, _reported = due_units(units, policies, assumed=changes)
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


def not_reloadable(service: t.Mapping[str, t.Any], report: Report) -> t.List[str]:
    """Return what is wrong with a unit that is to be reloaded and cannot be."""
    if service.get("restart") != "reload_then_verify":
        return []
    return [
        f"{name}: 'restart: reload_then_verify', and the unit cannot be reloaded (no ExecReload=); use 'if_running'"
        for name in report.without_reload(service["name"])
    ]


def aliases(units: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.List[str]:
    """Name the units that are listed under two names, which could contradict each other."""
    seen: t.Dict[str, str] = {}
    problems = []
    for name, unit in units.items():
        if unit["id"] in seen:
            problems.append(f"{name}: is the same unit as {seen[unit['id']]} ({unit['id']}); keep one entry for it")
        seen.setdefault(unit["id"], name)
    return problems


def main() -> None:
    module = Module(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "list", "elements": "dict", "default": []},
            "mode": {"type": "str", "choices": ["services", "host"], "default": "services"},
            "writable": {"type": "bool", "default": False},
            "cc": {"type": "str", "default": "cc"},
        },
        supports_check_mode=True,
    )

    module.check_units("units", "services.name")
    services: t.List[t.Dict[str, t.Any]] = module.params["services"]
    by_name = {service["name"]: service for service in services}
    accepted = {name: service.get("accept", []) for name, service in by_name.items()}
    names = list(dict.fromkeys(module.params["units"] + list(accepted)))
    units: t.Dict[str, t.Dict[str, t.Any]] = {}
    problems: t.List[str] = []
    absent_here: t.List[str] = []
    try:
        report = Report(systemd.ask_systemd, names, module.params["mode"])
        for name in names:
            units[name], found = report.describe(name)
            if by_name.get(name, {}).get("if_present") and units[name]["load_state"] == "not-found":
                absent_here.append(name)
            elif name in accepted:
                of_calls, doubts = report.of_system_calls(name)
                if module.params["mode"] == "services":
                    found += report.of_wrappers(by_name[name])
                problems += [problem.text for problem in found + of_calls if problem.reason not in accepted[name]]
                for doubt in doubts if system_calls.REASON not in accepted[name] else []:
                    module.warn(doubt)
        services = [service for service in services if service["name"] not in absent_here]
        problems += [text for service in services for text in not_reloadable(service, report)]
        if module.params["mode"] == "services":
            problems += report.of_restarts(services)
            for better in report.better_values(services):
                module.warn(better)
        filtered = report.filtered_elsewhere() if module.params["mode"] == "host" else []
    except systemd.SystemdError as error:
        module.fail_json(msg=str(error))
    if accepted and os.geteuid() != 0:
        problems.insert(0, "Ansible is not root on this host, so nothing of it can be done; set 'become: true'")
    problems += aliases({name: unit for name, unit in units.items() if name in accepted})
    for damage in undo.damages(undo.FOLDER):
        module.warn(damage)
    dropins, unread = dropin.survey(dropin.DIRECTORY)
    for unreadable in unread:
        why = f"cannot be read: {unreadable.strerror}"
        module.warn(f"{unreadable.filename} {why}; if it is of this collection, that does not show")
    host = state.look_at_host_wide()
    if accepted and host.unusable and not dropin.is_ours(host.settings or ""):  # our own is put right by host_settings
        problems.insert(0, f"the libraries would leave every socket alone: {host.unusable}; correct or remove it")
    build: t.Dict[str, t.Any] = {}
    if module.params["writable"]:
        libraries = any(service.get("libraries") for service in services)
        problems += places.problems(libraries)
        build = {
            "missing": places.missing_for_build(module.params["cc"]) if libraries else [],
            "families": places.families(),
            "obstacle": places.obstacle_to_build() if libraries else "",
        }
    module.exit_json(
        changed=False,
        host_wide={
            "entries": list(host.entries),
            "settings": host.settings is not None and dropin.is_ours(host.settings),
            "restart_due": without_libraries(host),
            "filtered": filtered,
        },
        units=units,
        problems=problems,
        absent_here=absent_here,
        build=build,
        unfinished=sorted(undo.read_previous(undo.FOLDER)),
        dropins=list(dropins),
        library_users=library_users(),
    )


if __name__ == "__main__":
    main()
