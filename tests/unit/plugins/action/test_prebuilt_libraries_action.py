# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compiling for others, in real runs of Ansible: who compiles how often, where it goes, what is said when it fails."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.netops.keepalive.plugins.action.prebuilt_libraries import ActionModule
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import manifest as libraries_manifest
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import read_prebuilt

TOP = pathlib.Path(__file__).parents[4]
MAKEFILE = """
install:
\t$(CC) -shared -fPIC -o one.so one.c
\tmkdir -p $(DESTDIR)$(LIBDIR)
\tcp one.so $(DESTDIR)$(LIBDIR)
"""
SOURCES = {"Makefile": MAKEFILE, "one.c": "int one(void) { return 1; }\n"}
HOST = build.describe_platform()
KIND = prebuilt.kind_of(HOST)

HOSTS = ("one", "two", "three")

Answer = t.Dict[str, t.Any]
Play = t.Callable[..., t.Dict[str, t.List[Answer]]]


@pytest.fixture(name="compiler")
def compiler_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A C compiler that notes each library that it makes."""
    path = tmp_path / "counting-cc"
    path.write_text(f'#!/bin/sh\ncase "$*" in *-shared*) echo made >> {tmp_path}/made ;; esac\nexec cc "$@"\n')
    path.chmod(0o755)
    return path


@pytest.fixture(name="play")
def play_fixture(tmp_path: pathlib.Path, compiler: pathlib.Path) -> Play:
    """A function that runs tasks of the module on three hosts in two batches; returns each task's answer, by host."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts: t.Dict[str, Answer] = dict.fromkeys((*HOSTS, "builder"), local)
    hosts["away"] = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))

    def play(*tasks: Answer, strategy: str = "linear") -> t.Dict[str, t.List[Answer]]:
        steps: t.List[Answer] = []
        for number, task in enumerate(tasks):
            module = {"cc": str(compiler), "sources": SOURCES, "multilib": "never", **task}
            wanted = {"ignore_errors": True, **({"delegate_to": module.pop("by")} if "by" in module else {})}
            name = f"answer{number}"
            steps.append({"netops.keepalive.prebuilt_libraries": module, "register": name, **wanted})
        answers = ", ".join(f"answer{number}" for number in range(len(tasks)))
        there = "{{ answer0.folder is defined and answer0.folder is exists }}"
        content = {
            "content": f"{{{{ [{answers}] | to_json }}}}",
            "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json",
        }
        steps.append({"ansible.builtin.copy": content})
        steps.append({"ansible.builtin.assert": {"that": there, "quiet": True}, "when": "answer0.folder is defined"})
        plays = [
            {"hosts": ":".join(HOSTS), "gather_facts": False, "serial": [1, 2], "strategy": strategy, "tasks": steps}
        ]
        (tmp_path / "play.yml").write_text(json.dumps(plays))
        done = subprocess.run(
            ["ansible-playbook", "-i", "hosts.json", "play.yml"],
            cwd=tmp_path,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(TOP / ".ansible" / "collections"),
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local"),
                "NO_COLOR": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert list((tmp_path / "local").iterdir()) == [], "what is kept for one run is gone after it"
        return {host: json.loads((tmp_path / f"{host}.json").read_text()) for host in HOSTS}

    return play


def made(tmp_path: pathlib.Path) -> int:
    """How many libraries the compiler has made so far."""
    return len((tmp_path / "made").read_text().splitlines()) if (tmp_path / "made").exists() else 0


def test_one_host_compiles_once_for_all_or_fails_once_for_all(play: Play, tmp_path: pathlib.Path) -> None:
    """In two batches, and where every host goes ahead by itself. (Under linear: molecule/mixed_fleet.)"""
    fits = {"machine": HOST.machine, "libc": HOST.libc}
    answers = play(
        {"by": "builder", "for_host": fits},
        {"by": "builder", "for_host": {**fits, "machine": "aarch64 64 bit"}},
        {"by": "builder", "cc": "none-cc"},
        {"by": "away"},
        strategy="free",
    )
    assert made(tmp_path) == 1
    for host, (compiled, unfit, without, away) in answers.items():
        assert (compiled["changed"], compiled["kind"], compiled["reason"]) == (False, KIND, "not installed")
        assert list(compiled["files"]) == ["one.so"]
        assert compiled["folder"] == answers["one"][0]["folder"]
        assert not os.path.exists(compiled["folder"])
        assert "contents" not in compiled
        assert unfit["msg"].startswith(
            f"what builder compiles does not fit {host}: "
            f"no prebuilt libraries fit this host (aarch64 64 bit, {HOST.libc}): "
            f"{KIND}: one.so is for {HOST.machine}; have a host compile for it that has the same processor"
        )
        assert without["msg"].startswith("builder cannot compile: no C compiler: none-cc not found in ")
        assert without["msg"].endswith("; install gcc, make and the C library's headers there, or choose another host")
        assert away["msg"].startswith("away, which is to compile, cannot be reached: ")
        assert away["failed"] is True
        assert not away.get("unreachable"), "it is not this host that cannot be reached"


def test_a_folder_gets_one_build_for_each_kind_of_host(play: Play, tmp_path: pathlib.Path) -> None:
    """Made once, not made again, made again where something else changed it, and usable as a prebuilt folder."""
    first = play({"output": "out"})
    assert made(tmp_path) == 1
    assert [first[host][0]["changed"] for host in HOSTS] == [True, False, False]
    assert first["two"][0]["reason"] == "one compiled for this kind of host already"
    assert {first[host][0]["folder"] for host in HOSTS} == {str(tmp_path / "out")}
    assert first["one"][0]["needs"] == first["two"][0]["needs"]
    variants = read_prebuilt(tmp_path / "out").variants
    assert [*variants] == [KIND]
    assert prebuilt.choose_variant(variants, HOST).variant == KIND
    manifest = libraries_manifest.read_manifest(str(tmp_path / "out" / KIND))
    assert manifest is not None
    assert manifest.made["sources"] == build.digest_of_sources(SOURCES)
    assert manifest.made["libc"] == HOST.libc

    (tmp_path / "out" / KIND / "one.so").write_bytes(b"garbage")
    answers = play({"output": "out"}, {"output": "out"})
    assert made(tmp_path) == 2
    assert [(again["changed"], again["reason"]) for again in answers["one"]] == [(True, "not installed"), (False, "")]
    assert read_prebuilt(tmp_path / "out").variants == variants


def test_a_host_does_not_choose_where_its_files_go(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"kind": "../../out", "contents": prebuilt.pack({"one.so": b""}), "made": {}}
    monkeypatch.setattr(ActionModule, "_execute_module", lambda self, **_arguments: dict(answer))
    action = ActionModule.__new__(ActionModule)
    with pytest.raises(AnsibleActionFail, match=r"builder says that it is a host of kind '../../out', which is none"):
        action._compile(str(tmp_path / "a" / "b"), "builder", {}, {})
    assert list(tmp_path.iterdir()) == []
    assert prebuilt.is_kind(KIND)
