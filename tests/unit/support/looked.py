# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at a host by the action rollout_look, as a task of a play; what the host tells is played."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.netops.keepalive.plugins.action.rollout_look import ActionModule
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.build import digest_of_sources
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import read_sources

Result = t.Dict[str, t.Any]

ENTRY: Result = {"name": "relay.socket", "tcp": {"keepidle": 90, "keepcnt": 3}}
DROP_IN = """\
# Managed by netops.keepalive: the next run of Ansible overwrites this file.
# relay.socket: systemd listens here itself and has directives of its own, see systemd.socket(5).
[Socket]
KeepAlive=true
KeepAliveTimeSec=90
KeepAliveIntervalSec=15
KeepAliveProbes=3
"""
UNIT = {
    "ld_preload": [],
    "drop_in_sha256": sha256_of_text(DROP_IN),
    "stale": {},
    "overruled": [],
    "need_daemon_reload": False,
}
SOCKETS = {"units": {"relay.socket": {"ok": True, "reasons": {}, "relevant": 1, "compliant": 1}}, "compliant": True}
TOLD: Result = {
    "found": {
        "units": {"relay.socket": UNIT}, "problems": [], "absent_here": [], "build": {}, "unfinished": [],
        "unwritable": {}, "dropins": ["relay.socket"], "library_users": [],
        "backends": {"chosen": {}, "by_flags": False, "root": ""},
        "host_wide": {"entries": [], "settings": False, "restart_due": [], "filtered": []},
    },
    "libraries": None,
    "sockets": SOCKETS,
}  # fmt: skip


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    diff = False

    def __init__(self, play: pathlib.Path, args: Result) -> None:
        self.args = args
        self.check_mode = False
        self._play = play

    def get_search_path(self) -> t.List[str]:
        return [str(self._play)]


class Looked:
    """Runs the action as a task of a play; the host is played."""

    def __init__(self, play: pathlib.Path) -> None:
        self.play = play
        self.told: Result = copy.deepcopy(TOLD)
        self.asked: t.List[Result] = []
        self.check_mode = False

    def __call__(self, args: t.Optional[Result] = None, **variables: t.Any) -> Result:
        asked, told = self.asked, self.told

        class Action(ActionModule):
            def add_host(self, **_host: t.Any) -> bool:
                """As it is since ansible-core 2.21, where it asks the process that has the inventory."""
                return True

            def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> Result:
                assert module_name == "netops.keepalive.rollout_look"
                asked.append(module_args)
                answer = {key: told[key] for key in told if key in TOLD}
                around = {key: told[key] for key in told if key not in TOLD}
                return {**around, "answer": json.dumps(answer)} if answer else around

        loader = DataLoader()
        loader.set_basedir(str(self.play))
        given = {"inventory_hostname": "h1", "groups": {"all": ["h1"], "web": ["h1"]}, "keepalive_services": [ENTRY]}
        given.update(variables)
        templar = Templar(loader=loader, variables=given)
        task = Task(self.play, {"fail": False, **(args or {})})
        task.check_mode = self.check_mode
        result: Result = Action(task, None, None, loader, templar, None).run(task_vars=given)
        result.pop("id", None)  # is another each time
        return result


SERVICE = {"name": "web.service", "libraries": ["listen"], "tcp": {"keepidle": 60}}
INSTALLED = {
    "made": {"machine": "m", "libc": "glibc 2.36", "sources": digest_of_sources(read_sources()), "cc": "cc",
             "compiler": "cc 12"},
    "files": {"libkeepalive.so": "1"},
}  # fmt: skip
LIBRARIES = {
    "platform": {"machine": "m", "libc": "glibc 2.36"}, "layout": None, "compiler": "cc 12", "no_compiler": "",
    "unable": {}, "installed": INSTALLED, "doubt": "", "damage": "", "repairs": [], "command": [],
    "files": {"libkeepalive.so": ["1", 0o644, 0, 0, False]},
}  # fmt: skip
