# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A transaction is started once on a host, and its answer is had, or it is said what is known."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import subprocess
import sys
import typing as t
import zipfile

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import carried, file_lock, polling
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import detached as rollout_detached
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.detached import (
    Detached,
    NoOutcome,
    NotStarted,
    patience,
)
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.detached_main import run_detached
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.lock import Held
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.own_code import zipped_code
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import Clock

ASSIGNMENT = {"dropins": [{"unit": "a.service", "content": "Environment=PASSWORD=secret"}], "run": {"owner": "adam"}}


class Manager:
    """As much of systemd as knows one transient unit; what it is started with goes to 'begin'."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.state = "inactive"
        self.commands: t.List[t.List[str]] = []
        self.begin: t.Callable[[], None] = lambda: None
        self.status = 0

    def __call__(self, command: t.List[str], limit: float = 0.0) -> t.Tuple[int, str, str]:
        self.commands.append(command)
        if command[0] == "systemd-run":
            self.state = "active" if self.status == 0 else "inactive"
            self.begin()
            return self.status, "", "Failed to start: no room\n" if self.status else ""
        if command[0] == "journalctl":
            return 0, json.dumps({"MESSAGE": "Write the drop-ins"}) + "\n", ""
        return 0, f"ActiveState={self.state}\n", ""

    def read(self, name: str) -> t.Any:
        return json.loads((self.folder / f"{name}.json").read_text())

    def answer(self, **more: t.Any) -> None:
        """Do as the unit does at its end."""
        paper = {"id": self.read("assignment")["id"], "outcome": {"state": "verified"}, "warnings": [], **more}
        (self.folder / "answer.json").write_text(json.dumps(paper))
        self.state = "inactive"


@pytest.fixture(name="manager")
def manager_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    (tmp_path / "run").mkdir(mode=0o700)
    monkeypatch.setattr(file_lock, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(rollout_detached, "absence", lambda *_names: "")
    clock = Clock()
    for waiting in (rollout_detached, polling):
        monkeypatch.setattr(waiting, "time", clock)
    return Manager(tmp_path / "run" / "rollout")


def detached(manager: Manager) -> Detached:
    return Detached(str(manager.folder), manager)


def test_it_is_started_with_nothing_secret_in_its_command_and_its_answer_is_taken(manager: Manager) -> None:
    manager.begin = manager.answer
    one = detached(manager)
    name = one.start(ASSIGNMENT)
    (command,) = [command for command in manager.commands if command[0] == "systemd-run"]
    assert command[command.index("--") :] == [
        "--", sys.executable, "-I", str(manager.folder / "code.zip"), str(manager.folder)]  # fmt: skip
    assert {"--unit=keepalive-rollout.service", "--collect", "--property=Restart=on-failure"} <= set(command)
    assert "secret" not in " ".join(command)
    assert manager.read("assignment")["dropins"] == ASSIGNMENT["dropins"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [manager.folder, *manager.folder.iterdir()]}
    assert (modes.pop("rollout"), modes.pop("answer.json")) == (0o700, 0o644), "that one is the test's"
    assert set(modes.values()) == {0o600}
    assert one.wait(name, 10)["outcome"] == {"state": "verified"}
    assert not (manager.folder / "answer.json").exists(), "it is read once"


def test_a_second_run_is_told_whose_it_is_and_changes_nothing(manager: Manager) -> None:
    first = detached(manager).start(ASSIGNMENT)
    (manager.folder / "progress.json").write_text(
        json.dumps({"id": first, "owner": "adam", "since": 1.0, "step": "Write the drop-ins"})
    )
    before = {path.name: path.read_bytes() for path in manager.folder.iterdir()}
    with pytest.raises(Held) as held:
        detached(manager).start({**ASSIGNMENT, "run": {"owner": "eve"}})
    text = str(held.value)
    assert text.startswith("another run is changing this host: adam (now: Write the drop-ins), since ")
    assert "as the unit keepalive-rollout.service of the host, which comes to its end whatever becomes of that" in text
    assert {path.name: path.read_bytes() for path in manager.folder.iterdir()} == before
    assert [command[0] for command in manager.commands].count("systemd-run") == 1


def test_one_that_ended_when_nobody_waited_is_told_of_to_the_next(manager: Manager) -> None:
    manager.begin = lambda: manager.answer(owner="adam")
    detached(manager).start(ASSIGNMENT)
    second = detached(manager)
    second.start(ASSIGNMENT)
    assert second.earlier and (second.earlier["owner"], second.earlier["outcome"]) == ("adam", {"state": "verified"})


def test_one_that_systemd_does_not_start_leaves_no_secret(manager: Manager) -> None:
    manager.status = 1
    with pytest.raises(NotStarted) as error:
        detached(manager).start(ASSIGNMENT)
    assert str(error.value) == "'systemd-run --unit=keepalive-rollout.service' failed: Failed to start: no room"
    assert list(manager.folder.iterdir()) == []


def test_without_systemd_nothing_is_begun(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout_detached, "absence", lambda *_names: "systemd-run not found in /usr/bin")
    with pytest.raises(NotStarted) as error:
        detached(manager).start(ASSIGNMENT)
    assert str(error.value) == "systemd-run not found in /usr/bin; a rollout runs as a unit of systemd's"
    assert not manager.folder.exists()


def test_a_folder_that_others_could_enter_is_not_used(manager: Manager) -> None:
    manager.folder.mkdir(0o755)
    os.chmod(manager.folder, 0o755)
    with pytest.raises(NotLocked) as error:
        detached(manager).start(ASSIGNMENT)
    assert "expected a folder of user" in str(error.value)
    assert list(manager.folder.iterdir()) == []


def test_one_that_is_gone_without_an_answer_is_told_with_its_step(manager: Manager) -> None:
    one = detached(manager)
    name = one.start(ASSIGNMENT)
    (manager.folder / "progress.json").write_text(json.dumps({"id": name, "step": "Restart what runs without them"}))
    manager.state = "failed"
    with pytest.raises(NoOutcome) as error:
        one.wait(name, 10)
    assert str(error.value) == (
        "keepalive-rollout.service was ended from outside before it had an answer, at the step 'Restart what runs "
        "without them': what the host had before is kept there, and the next run puts it right; it said: Write "
        "the drop-ins"
    )


def test_it_is_not_waited_for_longer_than_said(manager: Manager) -> None:
    one = detached(manager)
    name = one.start(ASSIGNMENT)
    with pytest.raises(NoOutcome) as error:
        one.wait(name, 10)
    assert str(error.value).startswith(
        "keepalive-rollout.service has not ended within 10 s; it goes on by itself, and "
    )


def test_how_long_it_may_take_counts_each_unit_and_the_way_back() -> None:
    task = {"services": [{"name": "a.service"}], "units": ["b.service"], "settle": 1, "verify_wait": 10}
    assert patience({**task, "job_timeout": 100}) == 120 + 2 + 10 + 2 * 200
    assert patience({**task, "job_timeout": 100, "one_at_a_time": True}) == 120 + 2 + 10 + 2 * 211
    host_wide = {"settings": None, "use": [], "watchdog": 60}
    assert patience({**task, "job_timeout": 100, "host_wide": host_wide}) == 120 + 2 * 60 + 2 + 10 + 2 * 200


def test_the_code_runs_by_itself(tmp_path: pathlib.Path) -> None:
    """Without the module it was taken from, and whatever stands where it is started."""
    (tmp_path / "code.zip").write_bytes(zipped_code(run_detached))
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "code.zip"), str(tmp_path)],
        cwd="/",
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "there is nothing to do: no assignment\n", "")


def test_what_is_imported_only_where_it_is_needed_is_in_the_code(tmp_path: pathlib.Path) -> None:
    """The programs of units, what looks at all sockets at once, a reader without the library: none is loaded yet."""
    code = (
        "import sys\n"
        f"from {zipped_code.__module__} import zipped_code\n"
        f"from {run_detached.__module__} import run_detached\n"
        "open(sys.argv[1], 'wb').write(zipped_code(run_detached))\n"
        "print(any('.module_utils.verdicts.unit_programs' in name for name in sys.modules))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    place = tmp_path / "code.zip"
    done = subprocess.run([sys.executable, "-c", code, str(place)], env=environment, stdout=-1, text=True, check=True)
    assert done.stdout == "False\n", "it would be no test"
    with zipfile.ZipFile(place) as archive:
        members = set(archive.namelist())
    folder = carried.PACKAGE.replace(".", "/")
    assert {f"{folder}/{path}" for path in carried.files_reached("rollout.detached_main")} <= members
