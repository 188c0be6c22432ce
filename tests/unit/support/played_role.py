# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role of ours on a host of stand-ins for its modules, which note what they are asked for, and answer as told."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import typing as t

TOP = pathlib.Path(__file__).parents[3]
INTERPRETER = f"ansible_python_interpreter={sys.executable}"

STAND_IN = """\
#!/usr/bin/python
# WANT_JSON
import json, os, sys

NAME, FOLDER = "@NAME@", "@FOLDER@"
with open(sys.argv[1], encoding="utf-8") as file:
    given = {key: value for key, value in json.load(file).items() if not key.startswith("_ansible")}
back = " back" if os.path.exists(FOLDER + "/failed") else ""
with open(FOLDER + "/asked", "a", encoding="utf-8") as file:
    file.write(json.dumps([NAME + back, given]) + "\\n")
with open(FOLDER + "/answers", encoding="utf-8") as file:
    answer = {"changed": False, **json.load(file).get(NAME + back, {})}
if answer.get("failed"):
    open(FOLDER + "/failed", "w").close()
print(json.dumps(answer))
"""

MODULES = (
    "host_settings", "ld_so_preload", "rollout", "rollout_end", "service_dropins", "service_restart",
    "service_units_info", "socket_options",
)  # fmt: skip
ASKING = ("preflight.yml", "resolve.yml")
"""Tasks that settings go into, which the play sets as they come out."""
LOCKED = {"failed": True, "msg": "nothing was changed: another run is changing this host", "lock_holder": {"id": "x"}}
"""What a module answers that does not get the host."""


class Host:
    """A host of stand-ins, and what the role said of it."""

    def __init__(self, folder: pathlib.Path, role: str, play: str) -> None:
        """Lay out the collection with the role's real tasks, but for those that look and resolve."""
        self._folder = folder
        collection = folder / "ansible_collections" / "netops" / "keepalive"
        (collection / "plugins" / "modules").mkdir(parents=True)
        for name in ("meta", "galaxy.yml"):
            (collection / name).symlink_to(TOP / name)
        for name in MODULES:
            text = STAND_IN.replace("@NAME@", name).replace("@FOLDER@", str(folder))
            (collection / "plugins" / "modules" / f"{name}.py").write_text(text)
        tasks = collection / "roles" / role / "tasks"
        tasks.mkdir(parents=True)
        for place in (TOP / "roles" / role / "tasks").iterdir():
            (tasks / place.name).symlink_to(place)
        (tasks.parent / "defaults").symlink_to(TOP / "roles" / role / "defaults")
        for name in ASKING:
            if (tasks / name).exists():
                (tasks / name).unlink()
                (tasks / name).write_text("[]\n")
        (folder / "play.yml").write_text(play)

    def roll_out(self, answers: t.Dict[str, t.Any]) -> str:
        """Run the role; return what it failed with."""
        done = self._run(answers)
        assert done.returncode == 2, done.stdout + done.stderr
        said: str = json.loads(done.stdout.split("FAILED! => ")[-1].partition("\n\n")[0])["msg"]
        return said

    def succeed(self, answers: t.Dict[str, t.Any], **variables: t.Any) -> None:
        """Run the role to its end."""
        done = self._run(answers, **variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def _run(self, answers: t.Dict[str, t.Any], **variables: t.Any) -> subprocess.CompletedProcess[str]:
        (self._folder / "answers").write_text(json.dumps(answers))
        command = [
            "ansible-playbook",
            "-i",
            "h1,",
            "-c",
            "local",
            "-e",
            INTERPRETER,
            "-e",
            json.dumps(variables),
            "play.yml",
        ]
        return subprocess.run(
            command,
            cwd=self._folder,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(self._folder), "NO_COLOR": "1",
                 "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip

    def asked(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        """Return what each module was asked for, in order; on the way back with that behind its name."""
        return dict(json.loads(line) for line in (self._folder / "asked").read_text().splitlines())

    def way_back(self) -> t.List[str]:
        """Return the steps of the way back that were tried."""
        return [name.partition(" ")[0] for name in self.asked() if name.endswith(" back")]
