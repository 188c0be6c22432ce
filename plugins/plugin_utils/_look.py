# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run wants of one host, by its variables, and what is due there, by the host's one answer."""

from __future__ import annotations

import json
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.host_wide.variables import resolve_host_settings
from ..module_utils.libraries.manifest import sha256_of_text
from ..module_utils.libraries.plan import PYTHON
from ..module_utils.look.backends import choices_told, with_backends
from ..module_utils.look.decision import Aim, what_is_due
from ..module_utils.look.libraries import LibrariesDue, helper_missing, libraries_due, only_programs
from ..module_utils.look.of_every_process import host_wide_due
from ..module_utils.look.remarks import in_the_way_of_writing, nothing_listed, obstacles, what_to_know, why_not_compiled
from ..module_utils.look.removal import in_host_wide_mode, left_alone, removal_due
from ..module_utils.settings.checks import ResolveError
from ..module_utils.settings.service import ResolvedService
from ..module_utils.settings.services import Resolution, resolution
from ..module_utils.settings.variables import is_layer
from . import _settings_file
from ._carried_look import CODE
from ._dropins import has_drop_in_beside_host_wide, rendered
from ._look_libraries import HELPER, WantedLibraries
from ._spelling import spelling
from ._variables import HostVariables

MODES = ("services", "host")
ROLES = ("keepalive_services", "keepalive_build", "keepalive_verify", "keepalive_host")
_CHOICE_OF_LAYERS = ("keepalive_services_layers", "keepalive_services_layer_names")
_OF_THE_HOST = ("validate", "watchdog", "backup", "extra_programs")
"""Of the variables of keepalive_host, those that say how both files are written."""

Answer = dict[str, t.Any]


class Look:
    """A look at one host.

    :param mode: V(services) or V(host); empty for what C(keepalive_mode) says.
    :param removal: whether everything is to be taken away.
    """

    def __init__(self, action: ActionBase, task_vars: Answer, mode: str = "", removal: bool = False) -> None:
        self._action = action
        self._variables = variables = HostVariables(action._templar, task_vars, ROLES)
        self._check_mode = bool(action._task.check_mode)
        self._removal = removal
        self.mode = mode or self._mode()
        self.aim = self._aim()
        wanted = self.mode == "host" or any(map(_needs_what_is_built, self.aim.services))
        self._wanted_libraries = WantedLibraries(action, variables, wanted and not removal)
        self.found: Answer = {}
        self.sockets: Answer = {}
        self.host_wide: Answer = {}
        """What every process is to be told, as the task 'rollout' takes it."""
        self.libraries = LibrariesDue([])
        self.due: list[str] = []
        self.remarks: list[str] = []

    @property
    def mistakes(self) -> list[str]:
        """Return what is wrong with the variables."""
        return self._variables.mistakes

    @property
    def build_for(self) -> Answer:
        """Return for which host libraries have to be made."""
        plan = self.libraries.plan
        if not plan or not self.libraries.why:
            return {}
        return {
            "machine": plan.platform.machine,
            "libc": plan.platform.libc,
            "needs_build": plan.needs_build,
            "by_python": plan.source == PYTHON,
        }

    def ask(self) -> Answer:
        """Ask the host everything, in one call."""
        services, in_services = self.aim.services, self.mode == "services"
        scope = {
            "services": services,
            "units": [unit["name"] for unit in self.aim.absent] if in_services else [],
            "mode": self.mode,
            "writable": self.aim.deploy,
            "cc": self._variables.get("keepalive_build_cc", "cc"),
        }
        arguments = {
            "scope": {} if self._removal else scope,
            "libraries": self._wanted_libraries.question(),
            "sockets": not self._removal and (self.aim.verify or any(service["live"] for service in services)),
            "use": self.aim.use,
            "removal": self._removal,
            "code": CODE,
        }
        told: Answer = self._action._execute_module(
            module_name="netops.keepalive.rollout_look", module_args=arguments, task_vars=self._variables.all
        )
        return {**told, **json.loads(told.pop("answer", "{}"))}

    def judge(self, told: Answer) -> list[str]:
        """Decide what is due by what the host told; return what stands in the way."""
        found: Answer = told["found"]
        self.found, self.sockets = found, told["sockets"] or {}
        if self._removal:
            return self._judge_removal(told)
        services = [service for service in self.aim.services if service["name"] not in found["absent_here"]]
        self.aim = self.aim._replace(services=with_backends(services, found["backends"]))
        compiler = self._wanted_libraries.compiler
        if self.mode == "services" and only_programs(self.aim.services) and why_not_compiled(found, compiler):
            compiler = compiler._replace(by_python=True)
        asked = self._wanted_libraries.asked
        if asked:
            asked = asked._replace(helper=HELPER) if compiler.by_python else asked
            self.libraries = libraries_due(asked, told["libraries"])
        problems = obstacles(found, compiler)
        if self.libraries.problem:
            problems.append(self.libraries.problem)
        problems += helper_missing(self.aim.services, self.libraries.plan)
        self.remarks = nothing_listed(self.aim, found) + choices_told(found["backends"])
        self.remarks += what_to_know(self.aim, found, compiler, self.sockets)
        text = self._settings(problems) if self.mode == "host" else ""
        why = self.libraries.why
        if problems or self.mistakes:
            return problems + in_the_way_of_writing(found, True, bool(why))
        wanted = self._wanted(problems)
        if self.mode == "host":
            self.due = host_wide_due(self.aim, told, wanted, sha256_of_text(text), why)
            self.remarks += [] if self.due else _waiting(found["host_wide"]["restart_due"])
        else:
            self.due = what_is_due(self.aim, found, wanted, why, self.sockets or None)
        return problems + in_the_way_of_writing(found, bool(self.due), bool(why))

    def for_the_report(self, told: Answer) -> Answer:
        """Return what the document of the run says beside what was found: nobody else keeps it for all hosts."""
        installed = (told.get("libraries") or {}).get("installed")
        plan = self.libraries.plan
        return {
            "mode": self.mode,
            "expected": {} if self._removal else {one["name"]: one["expected"] for one in self.aim.services},
            "libraries": installed,
            "libraries_wanted": dict(plan.made) if plan and self.libraries.why else {},
        }

    def _judge_removal(self, told: Answer) -> list[str]:
        """On a host that is in the host-wide mode nothing is restarted that does not ask for it."""
        found, alone = told["found"], []
        if self.mode == "host" or in_host_wide_mode(found):
            resolved = self._resolved({"restart": self._variables.get("keepalive_host_restart")})
            services = [service.as_dict() for service in resolved.services]
            self.aim = self.aim._replace(services=services, absent=resolved.absent)
        elif "restart" not in (self._variables.get("keepalive_services_base") or {}):
            alone = left_alone([unit["name"] for unit in [*self.aim.services, *self.aim.absent]], found)
        self.aim = self.aim._replace(absent=[*self.aim.absent, *alone])
        self.due = removal_due(told)
        return []

    def _settings(self, problems: list[str]) -> str:
        """Return the text of the settings file, with what the host has told of its units."""
        resolved = [ResolvedService.from_dict(service) for service in self.aim.services]
        try:
            settings = resolve_host_settings(
                resolved,
                **self._host_settings(),
                units=self.found["units"],
                filtered=self.found["host_wide"]["filtered"],
                spelling=spelling,
            )
        except ResolveError as error:
            problems += [problem for problem in error.problems if problem not in self.mistakes]
            return ""
        self.remarks += settings["warnings"]
        template = self._variables.get("keepalive_host_template")
        self.host_wide = {"sections": settings["sections"], "template": template, "use": self.aim.use}
        self.host_wide.update({name: self._variables.get(f"keepalive_host_{name}") for name in _OF_THE_HOST})
        try:
            return _settings_file.rendered(self._action, settings["sections"], self._variables.all, template)
        except AnsibleError as error:
            problems.append(error.message)
            return ""

    def _mode(self) -> str:
        mode = self._variables.get("keepalive_mode", "services")
        if mode in MODES:
            return str(mode)
        self.mistakes.append(
            f"keepalive_mode: {mode!r} is not one of services (a drop-in for each listed unit, the default) and host "
            "(/etc/ld.so.preload, every process of the host)"
        )
        return "services"

    def _aim(self) -> Aim:
        variables = self._variables
        base = variables.get("keepalive_services_base", {})
        if self.mode == "host":
            base = {"respect": True, "restart": variables.get("keepalive_host_restart")}
        found = self._resolved(base)
        self.mistakes.extend(found.problems)
        if self.mode == "host":
            try:
                resolve_host_settings(found.services, **self._host_settings(), spelling=spelling)
            except ResolveError as error:
                self.mistakes.extend(error.problems)
        services = [service.as_dict() for service in found.services]
        return Aim(
            services,
            found.absent,
            purge=variables.flag("keepalive_services_purge"),
            deploy=variables.flag("keepalive_services_deploy"),
            verify=variables.flag(f"keepalive_{self.mode}_verify"),
            must_be_right=variables.flag("keepalive_verify_fail"),
            check_mode=self._check_mode,
            use=variables.get("keepalive_host_libraries") if self.mode == "host" else [],
        )

    def _resolved(self, base: t.Any) -> Resolution:
        variables = self._variables
        return resolution(
            variables.get("keepalive_services", []),
            variables.get("keepalive_services_defaults"),
            variables.get("keepalive_services_profiles"),
            self._layers(),
            spelling,
            base,
            variables.get("keepalive_services_restart") or None,
            str(variables.given.get("inventory_hostname", "")),
        )

    def _layers(self) -> Answer:
        """Return the layers; where nobody has chosen others, without the role's expression, at which Jinja is slow."""
        variables = self._variables
        if any(name in variables.given for name in _CHOICE_OF_LAYERS):
            layers: Answer = variables.get("keepalive_services_layers")
            return layers
        return {name: variables.get(name) for name in variables.given if is_layer(name)}

    def _host_settings(self) -> Answer:
        said = {
            name: self._variables.get(f"keepalive_host_{name}")
            for name in ("defaults", "programs", "opt_outs", "libraries")
        }
        said["profiles"] = self._variables.get("keepalive_services_profiles")
        return {**said, "host": str(self._variables.given.get("inventory_hostname", ""))}

    def _wanted(self, problems: list[str]) -> dict[str, str]:
        """Return the SHA-256 of each drop-in as it would be written."""
        variables, units, services = self._variables, self.found["units"], self.aim.services
        if self.mode == "host":
            services = [service for service in services if has_drop_in_beside_host_wide(service)]
        templates = {kind: variables.get(f"keepalive_services_{kind}_template") for kind in ("service", "socket")}
        try:
            of_host = self.found["backends"]["by_flags"], self.found["backends"].get("root", "")
            dropins = rendered(self._action, services, units, templates, variables.all, *of_host)
            return {each["unit"]: sha256_of_text(each["content"]) for each in dropins}
        except AnsibleError as error:
            problems.append(error.message)
            return {}


def _needs_what_is_built(service: t.Mapping[str, t.Any]) -> bool:
    """Tell whether a service takes a library, or the helper that is built and installed along with them."""
    return bool(service["libraries"]) or service["backend"] != "preload"


def _waiting(rows: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    if not rows:
        return []
    from ..module_utils.rollout.transaction_words import waiting_lines  # it brings the whole transaction along

    return waiting_lines(rows)
