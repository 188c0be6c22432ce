# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action asks of the host that compiles, and what becomes of its answer. The host is played."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.netops.keepalive.plugins.action import prebuilt_libraries
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import build, prebuilt
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import read_manifest, sha256
from ansible_collections.netops.keepalive.plugins.module_utils.linux.file_lock import NotLocked
from ansible_collections.netops.keepalive.plugins.plugin_utils._prebuilt import read_sources

Result = t.Dict[str, t.Any]

HOST = build.describe_platform()
KIND = prebuilt.kind_of(HOST)
FITS = {"machine": HOST.machine, "libc": HOST.libc}
MADE = {"sources": "abc", "libc": HOST.libc}
SENT = {"sources": {"Makefile": "all:\n"}}


@pytest.fixture(name="library", scope="module")
def library_fixture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A library that needs something of the C library."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "one.c").write_text('#include <stdlib.h>\nchar *one(void) { return getenv("ONE"); }\n')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "one.so", "one.c"], cwd=folder, check=True)
    return (folder / "one.so").read_bytes()


class Hosts:
    """Those that compile: what each is asked, and what they answer."""

    def __init__(self, library: bytes) -> None:
        self.library = library
        self.asked: t.List[t.Tuple[str, Result]] = []
        self.variables: t.List[t.Any] = []
        self.answer: t.Any = self.compiled()

    def compiled(self, **changed: t.Any) -> Result:
        return {
            "changed": True, "kind": KIND, **FITS, "compiler": "cc 1", "reason": "not installed", "made": MADE,
            "contents": prebuilt.pack({"one.so": self.library}), "invocation": {"module_args": {}}, **changed,
        }  # fmt: skip


@pytest.fixture(name="hosts")
def hosts_fixture(library: bytes) -> Hosts:
    return Hosts(library)


Act = t.Callable[..., Result]


@pytest.fixture(name="act")
def act_fixture(tmp_path: pathlib.Path, hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> Act:
    """Run the action for a host, as a task that is delegated where a builder is named."""
    monkeypatch.setattr(prebuilt_libraries.C, "DEFAULT_LOCAL_TMP", str(tmp_path / "run"))
    monkeypatch.setattr(prebuilt_libraries.Action, "run", lambda self, tmp, task_vars: {})

    def act(by: t.Optional[str] = None, asker: t.Optional[str] = "h1", check: bool = False, **args: t.Any) -> Result:
        class Task:
            def __init__(self) -> None:
                self.args, self.delegate_to, self.check_mode = args, by, check

        class Action(prebuilt_libraries.ActionModule):
            def __init__(self) -> None:
                self._task = Task()

            def _execute_module(self, module_name: str, module_args: Result, task_vars: t.Any) -> Result:
                assert module_name == "netops.keepalive.prebuilt_libraries"
                hosts.asked.append((by or str(asker), module_args))
                hosts.variables.append(task_vars)
                if isinstance(hosts.answer, Exception):
                    raise hosts.answer
                return dict(hosts.answer)

        result: Result = Action().run(task_vars={"inventory_hostname": asker} if asker else None)
        return result

    return act


def folders(tmp_path: pathlib.Path, purpose: str) -> t.List[pathlib.Path]:
    return sorted((tmp_path / "run").glob(f"keepalive-{purpose}-*"))


# ------------------------------------------------------------------ for the hosts of one run


def test_the_whole_answer_and_where_the_files_lie(
    act: Act, hosts: Hosts, tmp_path: pathlib.Path, library: bytes
) -> None:
    answer = act("builder", **SENT)
    (folder,) = folders(tmp_path, "compiled")
    assert answer == {
        "changed": False, "kind": KIND, **FITS, "compiler": "cc 1", "reason": "not installed", "folder": str(folder),
        "files": {"one.so": sha256(library)}, "needs": prebuilt.needed_libc({"one.so": library}),
    }  # fmt: skip
    assert re.fullmatch("keepalive-compiled-[0-9a-f]{16}", folder.name)
    assert (folder / KIND / "one.so").read_bytes() == library
    manifest = read_manifest(str(folder / KIND))
    assert manifest is not None and manifest.made == MADE
    assert (folder.stat().st_mode & 0o777, (folder / ".answer.json").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (hosts.asked, hosts.variables) == ([("builder", SENT)], [{"inventory_hostname": "h1"}])


def test_what_one_was_answered_the_others_are_told(act: Act, hosts: Hosts) -> None:
    first = act("builder", asker="h1", **SENT)
    hosts.answer = hosts.compiled(reason="another")
    assert act("builder", asker="h2", **SENT) == first
    assert len(hosts.asked) == 1
    others: t.List[Result] = [{"by": "other"}, {"by": "builder", "check": True}, {"by": "builder", "cc": "gcc"}]
    for number, other in enumerate(others):
        assert act(**SENT, **other)["reason"] == "another"
        assert len(hosts.asked) == 2 + number, "which is another question"


@pytest.mark.parametrize(
    ("answer", "msg"),
    [
        ({"failed": True, "msg": "no C compiler"}, "builder cannot compile: no C compiler"),
        ({"failed": True}, "builder cannot compile: None"),
        (
            AnsibleConnectionFailure("no route\x1b[2J"),
            "builder, which is to compile, cannot be reached: no route\\x1b[2J",
        ),
    ],
    ids=["failed", "silent", "away"],
)
def test_a_failure_is_told_to_all_as_that_of_who_compiles(
    act: Act, hosts: Hosts, tmp_path: pathlib.Path, answer: t.Any, msg: str
) -> None:
    hosts.answer = answer
    for asker in ("h1", "h2"):
        assert act("builder", asker, for_host=FITS, **SENT) == {"failed": True, "msg": msg, "changed": False}
    assert len(hosts.asked) == 1
    assert [path.name for path in folders(tmp_path, "compiled")[0].iterdir() if path.is_dir()] == []


def test_a_host_may_compile_for_itself(act: Act, hosts: Hosts) -> None:
    act(None, asker="h7", **SENT)
    assert hosts.asked == [("h7", SENT)]
    hosts.answer = {"failed": True, "msg": "no"}
    assert act(None, asker="h8", **SENT)["msg"] == "h8 cannot compile: no"


def test_who_asks_need_not_be_known_where_it_is_said_who_compiles(act: Act, hosts: Hosts) -> None:
    assert act("builder", asker=None, for_host=FITS, **SENT)["kind"] == KIND
    assert hosts.variables == [None]


@pytest.mark.parametrize("given", [{}, {"sources": {}}, {"sources": None}])
def test_without_sources_those_of_the_collection_are_sent(act: Act, hosts: Hosts, given: Result) -> None:
    act("builder", **given)
    assert hosts.asked == [("builder", {"sources": read_sources()})]


def test_check_mode_has_nothing_to_put_anywhere(act: Act, hosts: Hosts, tmp_path: pathlib.Path) -> None:
    hosts.answer = hosts.compiled(contents=None)
    answer = act("builder", check=True, **SENT)
    assert {"folder", "files", "needs", "contents", "made", "invocation"}.isdisjoint(answer)
    assert [path.name for path in folders(tmp_path, "compiled")[0].iterdir() if path.is_dir()] == []


# ------------------------------------------------------------------ whom it fits

WAY_OUT = "; have a host compile for it that has the same processor and C library, the latter not newer"


def test_what_fits_is_answered_and_what_does_not_is_refused(act: Act) -> None:
    assert "failed" not in act("builder", for_host=FITS, **SENT)
    with pytest.raises(AnsibleActionFail) as error:
        act("builder", for_host={**FITS, "machine": "other 64 bit"}, **SENT)
    assert str(error.value) == (
        f"what builder compiles does not fit h1: no prebuilt libraries fit this host (other 64 bit, {HOST.libc}): "
        f"{KIND}: one.so is for {HOST.machine}{WAY_OUT}"
    )


def test_in_check_mode_the_processor_alone_is_compared(act: Act, hosts: Hosts) -> None:
    hosts.answer = hosts.compiled(contents=None)
    assert "failed" not in act("builder", check=True, for_host={**FITS, "libc": "glibc 2.1"}, **SENT)
    with pytest.raises(AnsibleActionFail) as error:
        act("builder", check=True, for_host={**FITS, "machine": "other"}, **SENT)
    assert str(error.value) == (
        f"what builder compiles does not fit h1: builder is {HOST.machine}, and h1 is other{WAY_OUT}"
    )


# ------------------------------------------------------------------ into a folder of the user's


def test_a_folder_of_the_users_is_told_what_it_has_and_who_compiled(
    act: Act, hosts: Hosts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    first = act("one", output="~/out", **SENT)
    assert (first["changed"], first["folder"]) == (True, str(tmp_path / "out"))
    assert hosts.asked.pop() == ("one", {**SENT, "have": {}, "claimed": {}})

    hosts.answer = {**hosts.compiled(changed=False, reason="one compiled"), "contents": None, "made": None}
    monkeypatch.chdir(tmp_path)
    assert act("two", output="out", **SENT)["files"] == first["files"]
    assert hosts.asked.pop() == ("two", {**SENT, "have": {KIND: MADE}, "claimed": {KIND: "one"}})
    act("one", output="out", **SENT)
    assert hosts.asked.pop() == ("one", {**SENT, "have": {KIND: MADE}, "claimed": {}}), "its own word counts for others"

    (tmp_path / "out" / KIND / "one.so").write_bytes(b"garbage")
    (tmp_path / "out" / "notes").mkdir()
    act_again = {"output": str(tmp_path / "out"), **SENT}
    hosts.answer = hosts.compiled(kind="another-kind")
    act("two", **act_again)
    assert hosts.asked.pop() == ("two", {**SENT, "have": {}, "claimed": {KIND: "one"}})
    hosts.answer = {"failed": True, "msg": "no"}
    act("three", **act_again)
    assert hosts.asked.pop()[1]["claimed"] == {KIND: "one", "another-kind": "two"}
    act("four", **act_again)
    assert hosts.asked.pop()[1]["claimed"] == {KIND: "one", "another-kind": "two"}, "who failed claims nothing"
    (claims,) = folders(tmp_path, "claimed")
    assert (claims / "hosts.json").stat().st_mode & 0o777 == 0o600


def test_what_is_compiled_anew_has_lost_its_signature(act: Act, hosts: Hosts, tmp_path: pathlib.Path) -> None:
    """Else it would be refused as changed by somebody, where it has yet to be signed."""
    into = {"output": str(tmp_path / "out"), **SENT}
    act("one", **into)
    signature = tmp_path / "out" / KIND / "manifest.json.sig"
    signature.write_text("by one")
    hosts.answer = {**hosts.compiled(changed=False, reason=""), "contents": None, "made": None}
    act("one", **into)
    assert signature.read_text() == "by one"
    hosts.answer = hosts.compiled(reason="sources changed")
    act("one", **into)
    assert not signature.exists()


def test_another_folder_has_claims_of_its_own(act: Act, hosts: Hosts, tmp_path: pathlib.Path) -> None:
    act("one", output=str(tmp_path / "a"), **SENT)
    act("two", output=str(tmp_path / "b"), **SENT)
    assert hosts.asked[-1] == ("two", {**SENT, "have": {}, "claimed": {}})


def test_what_a_folder_says_of_itself_need_not_be_roots(act: Act, hosts: Hosts, tmp_path: pathlib.Path) -> None:
    """It is the user's, on the controller: his umask and his group are his own business."""
    act("one", output=str(tmp_path / "out"), **SENT)
    (tmp_path / "out" / KIND / "manifest.json").chmod(0o666)
    assert act("one", output=str(tmp_path / "out"), **SENT)["files"] != {}
    assert hosts.asked[-1][1]["have"] == {KIND: MADE}


@pytest.mark.parametrize("contents", [{"one.so": "no Base64!"}, "no files"], ids=["no bytes", "no files"])
def test_what_is_no_library_is_put_nowhere(act: Act, hosts: Hosts, tmp_path: pathlib.Path, contents: t.Any) -> None:
    hosts.answer = hosts.compiled(contents=contents)
    place = tmp_path / "out" / KIND
    said = f"what one compiled cannot be put into {place}: not kind of host → file name → Base64: "
    with pytest.raises(AnsibleActionFail, match=f"^{re.escape(said)}"):
        act("one", output=str(tmp_path / "out"), **SENT)
    assert not place.exists()


def test_a_place_that_cannot_be_written_is_named(act: Act, tmp_path: pathlib.Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(AnsibleActionFail, match=f"^what one compiled cannot be put into {tmp_path}/out/{KIND}: "):
        act("one", output=str(tmp_path / "out"), **SENT)


# ------------------------------------------------------------------ one at a time


@pytest.mark.parametrize("output", [None, "out"])
def test_one_compiles_and_the_others_wait_for_half_an_hour_and_no_longer(
    act: Act, hosts: Hosts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, output: t.Optional[str]
) -> None:
    locks: t.List[t.Any] = []

    def held(*what: t.Any) -> t.NoReturn:
        locks.append(what)
        raise NotLocked("process 7 has it")

    monkeypatch.setattr(prebuilt_libraries, "locked", held)
    with pytest.raises(AnsibleActionFail) as error:
        act("builder", output=output and str(tmp_path / output), **SENT)
    assert str(error.value) == (
        "builder is to compile, or another host for another task of this run, and does not end: process 7 has it"
    )
    (folder,) = folders(tmp_path, "claimed" if output else "compiled")
    assert (locks, hosts.asked) == ([("compile", str(folder), 1800, str(folder))], [])
    assert os.listdir(folder) == []
