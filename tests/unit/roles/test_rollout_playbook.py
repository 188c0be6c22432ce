# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook enable_keepalive over a fleet: who is touched, where it stops, and what its last screen says.

The playbook and the report are the real ones; the roles are stand-ins that fail, or cannot reach their host, as told.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import pytest

TOP = pathlib.Path(__file__).parents[3]
HOSTS = [f"h{number}" for number in range(1, 7)]

LOOK = """\
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host, told = task_vars["inventory_hostname"], task_vars
        due = [] if host in told.get("finished", []) else ["something"]
        refused = host in told.get("refused", [])
        result = {"changed": False, "due": due, "libraries_due": [], "sockets": {}, "build_for": {}}
        seen = f"preflight: first line\\nwhat was seen: {host}" if refused else ""
        state = "refused" if refused else "not begun" if due else "done"
        result["outcome"] = {"state": state, "seen": seen, "remarks": []}
        result["found"] = {"host_wide": {"settings": False, "entries": []}}
        if refused:
            result["add_host"] = {"host_name": host, "groups": ["keepalive_refused"], "host_vars": {}}
        if host in told.get("gone", []):
            return {"unreachable": True, "msg": "gone"}
        if host in told.get("compiled_for", []):
            result.update(libraries_due=["x"], build_for={"needs_build": True})
        Display().display(f"looked at {host}")
        return result
"""

ROLE = """\
- ansible.builtin.fail: {msg: "rollout: first line\\nwhat was seen: HOST"}
  when: inventory_hostname in fail_in_rollout | default([])
- ansible.builtin.ping:
  when: inventory_hostname in gone_in_rollout | default([])
  vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
- ansible.builtin.debug: {msg: "rollout of HOST is through, seen: {{ keepalive_services_earlier.due }}"}
""".replace("HOST", "{{ inventory_hostname }}")

BUILD = """\
- ansible.builtin.fail: {msg: "cannot compile"}
  when: inventory_hostname in fail_in_build | default([])
- ansible.builtin.debug: {msg: "STEP of {{ inventory_hostname }} is through"}
"""


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path) -> t.Callable[..., t.Tuple[int, str]]:
    collection = tmp_path / "ansible_collections" / "netops" / "keepalive"
    tasks, build = (collection / "roles" / f"keepalive_{name}" / "tasks" for name in ("services", "build"))
    for folder in (tasks, build, collection / "plugins" / "action"):
        folder.mkdir(parents=True)
    real = [TOP / "plugins" / "action" / f"{name}.py" for name in ("inputs", "report")]
    for path in [*(TOP / "plugins").glob("*"), *real]:
        if path.name not in ("action", "__pycache__"):
            (collection / path.relative_to(TOP)).symlink_to(path)
    for name in ("playbooks", "meta", "galaxy.yml"):
        (collection / name).symlink_to(TOP / name)
    (collection / "plugins" / "action" / "rollout_look.py").write_text(LOOK)
    (tasks / "main.yml").write_text(ROLE)
    (build / "main.yml").write_text(BUILD.replace("STEP", "build"))
    (build / "delegate.yml").write_text(BUILD.replace("STEP", "compilation"))
    (tmp_path / "hosts").write_text("\n".join([*HOSTS, "[all:vars]", "ansible_connection=local"]))

    def run(*options: str) -> t.Tuple[int, str]:
        done = subprocess.run(
            ["ansible-playbook", "-i", "hosts", "netops.keepalive.enable_keepalive", "-e", "ansible_become=false",
             "-e", '{"keepalive_serial": [1, 3]}', *options],
            cwd=tmp_path,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def through(phase: str, output: str) -> t.List[str]:
    return sorted(set(re.findall(rf"{phase} of (h\d) is through", output)))


def recap(output: str, what: str) -> t.List[str]:
    return re.findall(rf"(?m)^(h\d) .* {what}=[1-9]", output.partition("PLAY RECAP")[2])


def test_every_host_that_is_not_ready_is_told_and_none_is_touched(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"refused": ["h2", "h5"], "gone": ["h3"]}')
    assert status != 0
    assert sorted(re.findall(r"looked at (h\d)", output)) == ["h1", "h2", "h4", "h5", "h6"], (
        "one that fails does not keep the others from being looked at"
    )
    assert through("rollout", output) == []
    report = output.partition("REFUSED h2")[2]
    assert "    what was seen: h2\n\nREFUSED h5\n    preflight: first line\n    what was seen: h5\n" in report
    assert "UNREACHABLE h3\n    could not be reached\n\nNothing was changed on any of the 6 hosts.\n" in report


def test_a_host_on_which_nothing_is_due_has_no_other_task(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"finished": ["h1", "h2", "h4", "h5", "h6"]}')
    assert (status, through("rollout", output)) == (0, ["h3"])
    tasks = {host: int(number) for host, number in re.findall(r"(?m)^(h\d) +: ok=(\d+)", output)}
    assert tasks == {"h1": 4, "h2": 1, "h3": 4, "h4": 1, "h5": 1, "h6": 1}, "the reports are h1's"


def test_where_nothing_is_due_anywhere_nobody_is_warned(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"finished": ["h1", "h2", "h3", "h4", "h5", "h6"]}')
    assert (status, through("rollout", output)) == (0, [])
    assert "WARNING" not in output and "Next:" not in output


def test_they_come_in_the_order_of_the_inventory(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"keepalive_serial": 1, "finished": ["h2"]}')
    assert status == 0
    assert re.findall(r"rollout of (h\d) is through", output) == ["h1", "h3", "h4", "h5", "h6"]


def test_a_limit_and_a_choice_of_hosts_hold_for_every_play(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"keepalive_hosts": ["h1", "h2"]}', "--limit", "h2,h3")
    assert (status, through("rollout", output)) == (0, ["h2"])


def test_what_another_host_compiles_it_has_compiled_before_the_first_batch(
    run: t.Callable[..., t.Tuple[int, str]],
) -> None:
    status, output = run("-e", '{"compiled_for": ["h2", "h4"]}')
    assert (status, through("compilation", output), through("build", output)) == (0, ["h2", "h4"], ["h2", "h4"])
    assert output.rindex("compilation of") < output.index("rollout of")
    assert through("rollout", output) == HOSTS


def test_where_it_cannot_nothing_is_written(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"compiled_for": ["h2", "h4"], "fail_in_build": ["h4"]}')
    assert (status, through("rollout", output)) == (2, [])
    assert "REFUSED h4\n    cannot compile\n" in output


def test_a_host_that_fails_ends_the_rollout_with_its_batch(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"fail_in_rollout": ["h3"]}')
    assert status == 2
    assert through("rollout", output) == ["h1", "h2", "h4"], "the others of its batch come to their end"
    assert recap(output, "failed") == ["h3"]
    assert (
        "\nFAILED h3\n    rollout: first line\n    what was seen: h3\n\n"
        "Done: h1, h2, h4. Not begun, and as before: h5, h6.\n"
        "Next: fix what is named above, then run the same again; what is done already is left as it is.\n"
    ) in output


def test_a_host_that_goes_away_ends_the_rollout_with_its_batch(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"gone_in_rollout": ["h3"]}')
    assert status == 4
    assert through("rollout", output) == ["h1", "h2", "h4"]
    assert (recap(output, "unreachable"), recap(output, "failed")) == (["h3"], [])
    assert "\nUNREACHABLE h3\n    went away in the middle: " in output
    assert "\nDone: h1, h2, h4. Not begun, and as before: h5, h6.\n" in output


def test_a_rollout_in_which_all_is_well_comes_to_its_end(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run()
    assert (status, through("rollout", output)) == (0, HOSTS)
    assert "Next:" not in output


def test_the_rollout_knows_what_was_seen(run: t.Callable[..., t.Tuple[int, str]]) -> None:
    status, output = run("-e", '{"finished": ["h2"]}')
    assert status == 0
    assert sorted(re.findall(r"rollout of (h\d) is through, seen: \['something'\]", output)) == [
        host for host in HOSTS if host != "h2"
    ]
