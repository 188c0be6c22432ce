# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides on the controller, with one question to the host, whether a rollout has anything to do there."""

from __future__ import annotations

import re
import time
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.command import archive
from ..module_utils.host_wide.variables import resolve_host_settings
from ..module_utils.libraries.manifest import sha256_of_text
from ..module_utils.libraries.plan import Asked
from ..module_utils.look.decision import Aim, what_is_due
from ..module_utils.look.libraries import LibrariesDue, digest_of_command, libraries_due
from ..module_utils.look.remarks import Compiler, obstacles, what_to_know
from ..module_utils.settings.checks import ResolveError
from ..module_utils.settings.options import LIBRARY_DIR
from ..module_utils.settings.service import ResolvedService
from ..module_utils.settings.services import resolution
from ..plugin_utils._dropins import rendered
from ..plugin_utils._spelling import spelling
from ..plugin_utils._variables import HostVariables
from .preload_libraries import folder_of, read_manifests, read_prebuilt, read_sources

COMMAND = digest_of_command(archive.collect())
"""Made when Ansible loads the action, in the process that all tasks are forked from."""

MODES = ("services", "host")
YOUNG = 300.0
"""Seconds; what was seen of a host so long ago is not what it is like now."""

_ROLES = ("keepalive_services", "keepalive_build", "keepalive_verify")
_PASSED_ON = ("ansible_facts", "warnings", "deprecations", "exception")

_REMEMBERED = (
    *("outcome", "due", "libraries_due", "build_for", "sockets", "looked_at", "found", "resolved", "absent"),
)

Answer = dict[str, t.Any]


class ActionModule(ActionBase):
    """See the module's DOCUMENTATION."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Answer:
        result: Answer = super().run(tmp, task_vars)
        arguments = self._task.args
        fail = boolean(arguments.get("fail", True))
        earlier = arguments.get("earlier")
        if earlier and earlier.get("found") and 0 <= time.monotonic() - earlier.get("looked_at", 0) < YOUNG:
            return {**result, **{key: earlier[key] for key in _REMEMBERED if key in earlier}, "changed": False}
        look = Look(self, task_vars or {})
        told = look.ask()
        result.update({key: told[key] for key in _PASSED_ON if key in told}, changed=False)
        if told.get("unreachable"):
            return {**told, **result}
        host = (task_vars or {}).get("inventory_hostname", "this host")
        problems = [told.get("msg", "no reason was given")] if told.get("failed") else look.judge(told)
        mistakes = _without_twins(arguments.get("mistakes") or [], look.mistakes) + problems
        if mistakes:
            seen = "\n".join(dict.fromkeys(mistakes))
            result["outcome"] = {"state": "refused", "seen": seen, "remarks": look.remarks}
            if fail:
                _say(host, look.remarks)
                return {**result, "failed": True, "msg": f"nothing was changed on {host}, because of:\n{seen}"}
            # The play that stops the run has these alone, so that no healthy host is shown as the one that failed.
            result["add_host"] = {"host_name": host, "groups": ["keepalive_refused"], "host_vars": {}}
            return result
        result["outcome"] = {"state": "not begun" if look.due else "done", "seen": "", "remarks": look.remarks}
        if self._task.check_mode and not look.due:
            result["outcome"].update(would_change=[], would_restart=[])
        result.update(due=look.due, libraries_due=look.libraries.why, build_for=look.build_for, sockets=look.sockets)
        result["looked_at"] = time.monotonic()
        if fail:
            _say(host, look.remarks)
        if fail or look.due:
            result.update(found=look.found, resolved=look.aim.services, absent=look.aim.absent)
        return result


class Look:
    """What a run wants of one host, and what it found there."""

    def __init__(self, action: ActionBase, task_vars: dict[str, t.Any]) -> None:
        self._action = action
        self._variables = variables = HostVariables(
            action._templar, action._loader, task_vars, (*_ROLES, "keepalive_host")
        )
        self._check_mode = bool(action._task.check_mode)
        self.mode = self._mode()
        self.aim = self._aim()
        self._asked = self._asked_of_libraries()
        packages = variables.get("keepalive_build_packages")
        self._compiler = Compiler(bool(self._prebuilt or self._delegate), packages)
        self.found: Answer = {}
        self.sockets: Answer = {}
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
        return {"machine": plan.platform.machine, "libc": plan.platform.libc, "needs_build": plan.needs_build}

    def ask(self) -> Answer:
        """Ask the host everything, in one call."""
        services = self.aim.services
        in_services = self.mode == "services"
        scope = {
            "services": services,
            "units": [unit["name"] for unit in self.aim.absent] if in_services else [],
            "mode": self.mode,
            "writable": self.aim.deploy and in_services,
            "cc": self._variables.get("keepalive_build_cc", "cc"),
        }
        libraries = None
        if self._asked:
            libraries = {
                "cc": self._asked.cc,
                "compiles": self._asked.compiles,
                "names": sorted({name for files in self._asked.variants.values() for name in files}),
                "command": COMMAND,
            }
        sockets = in_services and (self.aim.verify or any(service["live"] for service in services))
        arguments = {"scope": scope, "libraries": libraries, "sockets": sockets}
        told: Answer = self._action._execute_module(
            module_name="netops.keepalive.rollout_look", module_args=arguments, task_vars=self._variables.all
        )
        return told

    def judge(self, told: Answer) -> list[str]:
        """Decide what is due by what the host told; return what stands in the way."""
        found: Answer = told["found"]
        self.found, self.sockets = found, told["sockets"] or {}
        services = [service for service in self.aim.services if service["name"] not in found["absent_here"]]
        self.aim = self.aim._replace(services=services)
        if self._asked:
            self.libraries = libraries_due(self._asked, told["libraries"])
        problems = obstacles(found, self._compiler)
        if self.libraries.problem:
            problems.append(self.libraries.problem)
        if self.mode == "host":
            return problems + self._judge_host()
        self.remarks = what_to_know(self.aim, found, self._compiler, self.sockets)
        if not problems and not self.mistakes:
            self.due = what_is_due(self.aim, found, self._wanted(problems), self.libraries.why, self.sockets or None)
        return problems

    def _judge_host(self) -> list[str]:
        """In the host-wide mode something is always due: its tasks see for themselves."""
        self.due = ["the host-wide mode"]
        absent = self.found["absent_here"]
        if absent:
            self.remarks = [f"{', '.join(absent)}: left out, because this host has no such unit (if_present)"]
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
            return [problem for problem in error.problems if problem not in self.mistakes]
        self.remarks += settings["warnings"]
        return []

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
        found = resolution(
            variables.get("keepalive_services", []),
            variables.get("keepalive_services_defaults"),
            variables.get("keepalive_services_profiles"),
            variables.get("keepalive_services_layers"),
            spelling,
            base,
            variables.get("keepalive_services_restart") or None,
        )
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
            verify=variables.flag("keepalive_services_verify"),
            must_be_right=variables.flag("keepalive_verify_fail"),
            check_mode=self._check_mode,
        )

    def _host_settings(self) -> Answer:
        return {
            name: self._variables.get(f"keepalive_host_{name}")
            for name in ("defaults", "programs", "opt_outs", "libraries")
        }

    def _asked_of_libraries(self) -> Asked | None:
        """Return what would be installed; None where no library is."""
        variables = self._variables
        self._prebuilt = variables.get("keepalive_build_prebuilt") or ""
        self._delegate = variables.get("keepalive_build_delegate") or ""
        restarts_only = "restart" in (variables.get("ansible_run_tags") or ())
        wanted = self.mode == "host" or any(service["libraries"] for service in self.aim.services)
        if restarts_only or not wanted:
            return None
        self._check_delegate()
        asked = Asked(
            LIBRARY_DIR,
            variables.get("keepalive_build_cc", "cc"),
            variables.get("keepalive_build_cflags") or None,
            variables.get("keepalive_build_ldflags") or None,
            delegated=bool(self._delegate),
            waits=True,
        )
        if not self._prebuilt:
            return asked._replace(sources=read_sources())
        try:
            folder = folder_of(self._action, self._prebuilt)
            variants = read_prebuilt(folder)
            return asked._replace(variants=variants, manifests=read_manifests(folder, variants))
        except AnsibleError as error:
            self.mistakes.append(f"keepalive_build_prebuilt: {error.message}")
            return None

    def _check_delegate(self) -> None:
        delegate, groups = self._delegate, self._variables.all.get("groups", {})
        if not delegate:
            return
        if self._prebuilt:
            host = self._variables.all.get("inventory_hostname")
            self.mistakes.append(
                f"keepalive_build_delegate ({delegate}) and keepalive_build_prebuilt ({self._prebuilt}) are both set "
                f"for {host}: set one of them, and the other to '' where a group sets it"
            )
        elif delegate in groups:
            self.mistakes.append(
                f"keepalive_build_delegate: {delegate} is a group; name one host of it: {', '.join(groups[delegate])}"
            )
        elif delegate not in [*groups.get("all", []), "localhost"]:
            self.mistakes.append(
                f"keepalive_build_delegate: {delegate} is not in the inventory; expected the name of one of its hosts, "
                "which need not be in the play, or localhost"
            )

    def _wanted(self, problems: list[str]) -> dict[str, str]:
        """Return the SHA-256 of each drop-in as it would be written."""
        variables, units = self._variables, self.found["units"]
        templates = {kind: variables.get(f"keepalive_services_{kind}_template") for kind in ("service", "socket")}
        try:
            dropins = rendered(self._action, self.aim.services, units, templates, variables.all)
            return {each["unit"]: sha256_of_text(each["content"]) for each in dropins}
        except AnsibleError as error:
            problems.append(error.message)
            return {}


def _without_twins(told: t.Sequence[str], own: t.Sequence[str]) -> list[str]:
    """Add what is seen here to what was told before, but for variables of which it was: each mistake is said once."""
    variables = {_NAME.match(line)[0] for line in told}  # type: ignore[index]
    return [*told, *(line for line in own if _NAME.match(line)[0] not in variables)]  # type: ignore[index]


_NAME = re.compile(r"\w*")


def _say(host: str, said: list[str]) -> None:
    display = Display()
    for remark in said:
        display.display(f"{host}: {remark}")
