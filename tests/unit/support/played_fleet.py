# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of six hosts for the real playbooks, roles, checks and reports; what hosts are asked for is played.

Variables of a run say what becomes of a host, by lists of names: V(finished) (nothing is due there), V(refused),
V(gone), V(compiled_for) (another host compiles for it), V(fail_in_build), V(fail_in_rollout), V(gone_in_rollout),
V(right) (its a.service has three sockets, all right).
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import typing as t

TOP = pathlib.Path(__file__).parents[3]
HOSTS = [f"h{number}" for number in range(1, 7)]

Run = t.Callable[..., t.Tuple[int, str]]

_LOOK = """\
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils._core import to_group

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host, told = task_vars["inventory_hostname"], task_vars
        if host in told.get("gone", []):
            return {"unreachable": True, "msg": "gone"}
        due = [] if host in told.get("finished", []) else ["something"]
        mistakes = self._task.args.get("mistakes") or []
        refused = host in told.get("refused", []) or mistakes
        result = {"changed": False, "due": due, "libraries_due": [], "sockets": {}, "build_for": {}}
        seen = f"preflight: first line\\nwhat was seen: {host}" if refused else ""
        seen = "\\n".join(mistakes) or seen
        state = "refused" if refused else "not begun" if due else "done"
        if task_vars["keepalive_inputs"]["run"]["report"]:
            expected = {"a.service": {"libraries": ["connect"], "tcp": {"keepidle": 60}}}
            libraries = {"made": {"compiler": "cc 12"}, "files": {"libkeepalive.so": "5f70"}}
            result["reported"] = {"mode": "services", "expected": expected, "libraries": libraries}
        if host in told.get("right", []):
            result["sockets"] = {"units": {}, "right": {"a.service": 3}, "sockets": []}
        result["outcome"] = {"state": state, "seen": seen, "remarks": []}
        result["found"] = {"host_wide": {"settings": False, "entries": []}, "units": {}, "seen_on": host}
        result.update(resolved=[], absent=[], host_wide={"sections": []})
        if self._task.args.get("state") == "absent" and not due:
            result["outcome"].update(removed=[], restarted=[], stays=[])
        if refused:
            result.update(to_group(self, host, "keepalive_refused"))
        if host in told.get("compiled_for", []):
            result.update(libraries_due=["x"], build_for={"needs_build": True})
        Display().display(f"looked at {host}")
        return result
"""
_ROLLOUT = """\
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host, args = task_vars["inventory_hostname"], self._task.args
        Display().display(f"asked on {host}: {sorted(args)}")
        if host in task_vars.get("fail_in_rollout", []):
            msg = f"rollout: first line\\nwhat was seen: {host}"
            back = {"taken": True, "host_wide": [], "written": ["a.service"], "restarted": ["a.service"], "counts": {},
                    "still_new": [], "written_failed": "", "restarted_failed": "it did not come back"}
            return {"failed": True, "state": "as_before", "msg": msg, "report": {}, "sockets": {}, "back": back,
                    "look": args["earlier"].get("id", "")}
        if host in task_vars.get("gone_in_rollout", []):
            return {"unreachable": True, "msg": "gone"}
        removal = args.get("state") == "absent"
        report = {}
        if self._task.check_mode:
            report = {"would_change": ["a.service"], "would_restart": ["a.service"]}
        elif removal:
            report = {"removed": ["a.service", "the libraries"], "restarted": ["a.service"],
                      "stays": ["b.service (until its next start)"]}
        Display().display(f"rollout of {host} is through, seen: {args['earlier']['found']['seen_on']}")
        state = "foreseen" if self._task.check_mode else "verified"
        would = [{"before": "", "after": f"the same\\n"}, {"before": "", "after": f"for {host in ('h1', 'h2')}\\n"}]
        return {"changed": True, "state": state, "report": report, "sockets": {}, "would_differ": would,
                "remarks": ["b.service: it is old"]}
"""
_BUILD = """\
- ansible.builtin.fail: {msg: "cannot compile"}
  when: inventory_hostname in fail_in_build | default([])
- ansible.builtin.debug: {msg: "STEP of {{ inventory_hostname }} is through"}
"""
_LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"


def fleet(folder: pathlib.Path, playbook: str) -> Run:
    """Return a function that runs a playbook with options over the fleet, and returns its status and output.

    Its C(wrong) are hosts with a misspelt variable.
    """
    collection = folder / "ansible_collections" / "netops" / "keepalive"
    _link(collection, ["playbooks", "meta", "galaxy.yml", "docs"])
    _link(collection, (f"plugins/{path.name}" for path in (TOP / "plugins").iterdir() if path.name != "action"))
    _link(collection, (f"plugins/action/{name}.py" for name in ("inputs", "report")))
    _link(collection, (f"roles/keepalive_{name}" for name in ("host", "services", "verify")))
    build = collection / "roles" / "keepalive_build" / "tasks"
    build.mkdir(parents=True)
    (collection / "plugins" / "action" / "rollout_look.py").write_text(_LOOK)
    (collection / "plugins" / "action" / "rollout.py").write_text(_ROLLOUT)
    (build / "main.yml").write_text(_BUILD.replace("STEP", "build"))
    (build / "delegate.yml").write_text(_BUILD.replace("STEP", "compilation"))

    def run(*options: str, wrong: t.Sequence[str] = ()) -> t.Tuple[int, str]:
        lines = [f"{host} {_LOCAL} {'keepalive_service=x' if host in wrong else ''}" for host in HOSTS]
        (folder / "hosts").write_text("\n".join(lines))
        done = subprocess.run(
            ["ansible-playbook", "-i", "hosts", f"netops.keepalive.{playbook}", "-e", "ansible_become=false",
             "-e", '{"keepalive_serial": [1, 3]}', *options],
            cwd=folder,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def run_in(folder: pathlib.Path, *options: str, fails: bool = False) -> str:
    """Run another play, and return what it has said."""
    done = subprocess.run(
        ["ansible-playbook", *options],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode != 0) is fails, done.stdout
    return done.stdout + done.stderr


def _link(collection: pathlib.Path, paths: t.Iterable[str]) -> None:
    for path in paths:
        (collection / path).parent.mkdir(parents=True, exist_ok=True)
        (collection / path).symlink_to(TOP / path)


def through(phase: str, output: str) -> t.List[str]:
    """Return the hosts on which a step came to its end."""
    return sorted(set(re.findall(rf"{phase} of (h\d) is through", output)))


def recap(output: str, what: str) -> t.List[str]:
    """Return the hosts that Ansible counts as something at the end."""
    return re.findall(rf"(?m)^(h\d) .* {what}=[1-9]", output.partition("PLAY RECAP")[2])
