# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action sends what the build needs, once, and finds it in an installed collection."""

from __future__ import annotations

import base64
import os
import pathlib
import shutil
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.netops.keepalive.plugins.action import preload_libraries
from ansible_collections.netops.keepalive.plugins.action.preload_libraries import (
    ActionModule,
    read_sources,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import carried
from ansible_collections.netops.keepalive.tests.unit.support.brought import bring, make_key, sign

CSRC = pathlib.Path(__file__).parents[4] / "csrc"


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    check_mode = False
    diff = False
    environment: t.ClassVar[t.List[t.Any]] = []
    _role = None

    def __init__(self, **args: t.Any) -> None:
        self.args = args


def calls_of(monkeypatch: pytest.MonkeyPatch, **args: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Run the action as all_of does; return the arguments without the code of the command and of a look."""
    calls = all_of(monkeypatch, **args)
    return [{key: value for key, value in call.items() if key not in ("command", "look")} for call in calls]


def all_of(monkeypatch: pytest.MonkeyPatch, needle_found: bool = True, **args: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Run the action with the task's arguments; return those of every module execution that came of it."""
    calls: t.List[t.Dict[str, t.Any]] = []

    class Action(ActionModule):
        def __init__(self) -> None:
            self._task = Task(**args)

        def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
            assert module_name == "netops.keepalive.preload_libraries"
            assert {"id", "owner"} <= set(module_args.pop("run"))
            calls.append(module_args)
            return {"changed": True}

        def _find_needle(self, dirname: str, needle: str) -> str:
            assert dirname == "files"
            if not needle_found:
                raise AnsibleError(f"no such file: {needle}")
            return needle

    monkeypatch.setattr(preload_libraries.Action, "run", lambda self, tmp, task_vars: {})
    assert Action().run(task_vars={}) == {"changed": True}
    return calls


def test_the_command_is_sent_along(monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = all_of(monkeypatch)
    assert "def main(" in call["command"]["command/main.py"]
    assert "look/on_host.py" in carried.files_in(call["look"])
    (call,) = all_of(monkeypatch, state="absent")
    assert "command" not in call and "look" not in call
    (call,) = all_of(monkeypatch, command={"command/main.py": "the user's"})
    assert call["command"] == {"command/main.py": "the user's"}


def test_the_sources_alone_are_enough_to_build(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """One execution, and what it is sent compiles in an empty folder: no file that the Makefile needs is left out."""
    (call,) = calls_of(monkeypatch, path="/usr/lib/libkeepalive")
    assert call["path"] == "/usr/lib/libkeepalive"
    for name, content in call["sources"].items():
        (tmp_path / name).write_text(content)
    subprocess.run(["make", "-j2", "all"], cwd=tmp_path, check=True, capture_output=True)
    assert sorted(path.name for path in (tmp_path / "build").glob("*.so")) == [
        "libkeepalive.so",
        "libkeepalive_inspect.so",
        "libkeepalive_listen.so",
        "libkeepalive_socket.so",
    ]


def test_nothing_is_sent_for_a_removal_and_nothing_over_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert calls_of(monkeypatch, state="absent", path="/x") == [{"state": "absent", "path": "/x"}]
    assert calls_of(monkeypatch, sources={"Makefile": "mine"}) == [{"sources": {"Makefile": "mine"}}]
    files = {"prebuilt_files": {"kind": {"l.so": "AAAA"}}}
    assert calls_of(monkeypatch, **files, delegated=True) == [{**files, "delegated": True}]


def test_where_python_stands_in_no_sources_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    (call,) = all_of(monkeypatch, by_python=True)
    assert "def run_helper(" in call["helper"]["command/attaching.py"]
    assert sorted(call) == ["command", "helper", "look"]
    (call,) = calls_of(monkeypatch, by_python=False)
    assert "sources" in call


def test_an_incomplete_collection_says_so(tmp_path: pathlib.Path) -> None:
    shutil.copy(CSRC / "apply.c", tmp_path)
    with pytest.raises(AnsibleActionFail, match="the collection is incomplete: no Makefile in"):
        read_sources(tmp_path)


def test_only_what_the_build_needs_is_read(tmp_path: pathlib.Path) -> None:
    for name in ("Makefile", "a.c", "a.h", "a.map", "LICENSE", "a.o", "a.so", ".a.c.swp", "README.md"):
        (tmp_path / name).write_text(name)
    assert sorted(read_sources(tmp_path)) == ["LICENSE", "Makefile", "a.c", "a.h", "a.map"]


def test_prebuilt_files_go_with_their_manifests(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """So that what arrives can be compared with them."""
    manifest = bring(tmp_path / "trixie", {"l.so": b"\0\xff"})
    sent = {"trixie": {"l.so": base64.b64encode(b"\0\xff").decode()}}
    wanted = [{"prebuilt_files": sent, "prebuilt_manifests": {"trixie": manifest.text()}}]
    assert calls_of(monkeypatch, prebuilt=str(tmp_path / "trixie")) == wanted
    assert calls_of(monkeypatch, prebuilt=str(tmp_path), signers="") == wanted


def test_where_signers_are_named_only_what_they_have_signed_is_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """What was compiled in this run goes on without: nobody has had a chance to sign it."""
    manifest = bring(tmp_path / "set" / "trixie", {"l.so": b"x"})
    (tmp_path / "signers").write_text(f"builder@example.com {make_key(tmp_path / 'key')}")
    arguments = {"prebuilt": str(tmp_path / "set"), "signers": str(tmp_path / "signers")}
    with pytest.raises(AnsibleActionFail, match=r"^prebuilt: .*/manifest\.json is not signed, "):
        calls_of(monkeypatch, **arguments)
    sign(tmp_path / "set" / "trixie", tmp_path / "key")
    (call,) = calls_of(monkeypatch, **arguments)
    assert call["prebuilt_manifests"] == {"trixie": manifest.text()}
    assert "signers" not in call
    (tmp_path / "set" / "trixie" / "manifest.json.sig").unlink()
    compiled = {"compiled": {"folder": str(tmp_path / "set")}, "signers": str(tmp_path / "signers")}
    (call,) = calls_of(monkeypatch, **compiled)
    assert call["prebuilt_manifests"] == {"trixie": manifest.text()}
    assert "sources" in calls_of(monkeypatch, signers=str(tmp_path / "signers"))[0], "nothing is brought"


def test_who_may_sign_is_found_as_the_folder_is_and_never_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    bring(tmp_path / "set", {"l.so": b"x"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AnsibleError, match="no such file: none"):
        calls_of(monkeypatch, needle_found=False, prebuilt="set", signers="none")
    for place, said in (
        ("set/signers", "who may sign is not told by a file in the set itself: keep {} elsewhere than in {}"),
        ("fifo", "who may sign cannot be told: {} is not a regular file"),
    ):
        if place == "fifo":
            os.mkfifo(place)
        else:
            pathlib.Path(place).write_text("x")
        with pytest.raises(AnsibleActionFail) as error:
            calls_of(monkeypatch, needle_found=False, prebuilt="set", signers=place)
        assert error.value.message == "prebuilt: " + said.format(tmp_path / place, tmp_path / "set")


def test_a_relative_folder_is_also_looked_for_where_ansible_was_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    bring(tmp_path / "made", {"l.so": b"x"})
    monkeypatch.chdir(tmp_path)
    (call,) = calls_of(monkeypatch, needle_found=False, prebuilt="made")
    assert sorted(call["prebuilt_files"]) == ["made"]
    monkeypatch.chdir(tmp_path / "made")
    (call,) = calls_of(monkeypatch, needle_found=False, prebuilt=".")
    assert sorted(call["prebuilt_files"]) == ["made"], "by its own name"
    with pytest.raises(AnsibleError, match="no such file: none"):
        calls_of(monkeypatch, needle_found=False, prebuilt="none")


def test_a_host_for_which_another_compiles_gets_no_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their checksum is enough to know whether what is installed was made of them."""
    (call,) = calls_of(monkeypatch, delegated="yes")
    assert call == {"delegated": "yes", "sources_digest": build.digest_of_sources(read_sources())}
    for otherwise in ({"delegated": "no"}, {}):
        assert calls_of(monkeypatch, **otherwise) == [{**otherwise, "sources": read_sources()}]


def test_a_link_by_which_a_loader_finds_a_library_is_made_on_the_host(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """Also where a copy has made a file of it. A library of another kind of programs is a file of its own."""
    contents = {"l.so": b"64 bit", "lib32/l.so": b"32 bit", "lib64/l.so": b"64 bit"}
    manifest = bring(tmp_path, contents)
    (tmp_path / "manifest.json").chmod(0o666)  # as the umask of whoever made it
    (call,) = calls_of(monkeypatch, prebuilt=str(tmp_path))
    sent = {name: base64.b64encode(contents[name]).decode() for name in ("l.so", "lib32/l.so")}
    of_them = Manifest(manifest.made, {name: manifest.files[name] for name in sent})
    assert call == {
        "prebuilt_files": {tmp_path.name: sent},
        "prebuilt_manifests": {tmp_path.name: of_them.text()},
    }


def test_the_variables_of_the_host_go_with_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would run as another user, or with another Python, than the task says."""
    given: t.List[t.Any] = []

    class Action(ActionModule):
        def __init__(self) -> None:
            self._task = Task(state="absent")

        def _execute_module(self, module_name: str, module_args: t.Any, task_vars: t.Any) -> t.Dict[str, t.Any]:
            given.append(task_vars)
            return {"changed": False}

    monkeypatch.setattr(preload_libraries.Action, "run", lambda self, tmp, task_vars: {"of": "Ansible"})
    assert Action().run(task_vars={"a": 1}) == {"of": "Ansible", "changed": False}
    assert given == [{"a": 1}]


@pytest.mark.parametrize(
    ("check", "reported", "name"),
    [(True, True, "would_differ"), (True, False, "diff"), (False, True, "diff")],
)
def test_a_playbooks_look_shows_the_diff_at_its_end(
    monkeypatch: pytest.MonkeyPatch, check: bool, reported: bool, name: str
) -> None:
    """The module used by hand, and the role used alone, have Ansible show it."""
    monkeypatch.setattr(preload_libraries.Action, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(preload_libraries._locked, "execute", lambda *_: {"diff": {"after": "x"}})
    monkeypatch.setattr(Task, "check_mode", check)
    action = ActionModule(Task(state="absent"), None, None, None, None, None)
    result = action.run(task_vars={"keepalive_build_reported": True} if reported else {})
    assert result == {name: [{"after": "x"}] if name == "would_differ" else {"after": "x"}}
