# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fact of a process is found out by itself, and what cannot be is unknown."""

from __future__ import annotations

import os
import pathlib
import struct
import types
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.processes import facts
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import (
    DropIn,
    HostPreload,
    LibraryFiles,
    ProcessFacts,
    attempt,
    drop_in_of,
    gather_facts,
)
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import NO_PID
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, ShadowProc

INVOCATION = "INVOCATION_ID=" + "a" * 32


@pytest.fixture(name="child", scope="module")
def child_fixture() -> t.Iterator[Child]:
    with Child() as child:
        yield child


def test_of_a_process_that_is_gone_nothing_is_known(proc: ShadowProc) -> None:
    assert gather_facts(NO_PID, proc) == ProcessFacts("", None, None, None, None, NO_PID, None, None, None)
    assert ProcessFacts("/bin/a", None, None, None, None) == ("/bin/a", None, None, None, None, 0, None, None, None)


def test_all_that_is_known_of_a_process(proc: ShadowProc, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Any] = []
    monkeypatch.setattr(settings_file, "read_settings", lambda *given: asked.append(given) or "settings")
    monkeypatch.setattr(facts, "_host_preload", lambda *given: asked.append(given) or "preload")
    monkeypatch.setattr(facts, "elf_in", lambda found: types.SimpleNamespace(bits=64, found=found))
    maps = "7f0-7f1 r-xp 00000000 08:01 5 /lib/a.so (deleted)\n7f1-7f2 r-xp 00000000 08:01 6 /lib/b.so\n"
    auxv = struct.pack("=QQQQ", 23, 1, 0, 0).decode()
    proc.add(child.pid, "a.service", maps=maps, environ=f"{INVOCATION}\0X=1\0", auxv=auxv)
    found = gather_facts(child.pid, proc, "a.service")
    started, program = Proc().started_at(child.pid), os.readlink(f"/proc/{child.pid}/exe")
    assert started is not None
    assert found._replace(elf=None) == ProcessFacts(
        program=program,
        elf=None,
        secure=True,
        mapped={"/lib/a.so": True, "/lib/b.so": False},
        environment={"INVOCATION_ID": "a" * 32, "X": "1"},
        pid=child.pid,
        started=started,
        host_preload=t.cast("t.Any", "preload"),
        settings=t.cast("t.Any", "settings"),
    )
    assert found.elf is not None
    assert asked == [(child.pid, proc, started), (child.pid, "a.service", program, proc, started)]


@pytest.mark.parametrize(
    ("bits", "auxv", "secure"),
    [
        (64, struct.pack("=QQ", 23, 1), True),
        (64, struct.pack("=QQ", 23, 0), False),
        (64, struct.pack("=QQ", 22, 1), False),
        (32, struct.pack("=II", 23, 1), True),
        (64, struct.pack("=IIII", 23, 0, 1, 0), True),
        (32, struct.pack("=IIII", 23, 0, 1, 0), False),
        (None, struct.pack("=IIII", 23, 0, 1, 0), True),  # what the program is cannot be read
    ],
)
def test_whether_a_program_has_rights_of_its_own_is_read_in_its_own_words(
    proc: ShadowProc,
    child: Child,
    monkeypatch: pytest.MonkeyPatch,
    bits: t.Optional[int],
    auxv: bytes,
    secure: bool,
) -> None:
    def elf_in(_found: t.Any) -> t.Any:
        if bits is None:
            raise ElfError("no program")
        return types.SimpleNamespace(bits=bits)

    monkeypatch.setattr(facts, "elf_in", elf_in)
    proc.add(child.pid, "a.service", auxv=auxv.decode(), maps="", environ="nginx: master process")
    found = gather_facts(child.pid, proc)
    assert found.secure is secure
    assert (found.elf is None) is (bits is None)
    assert (found.mapped, found.environment) == (None, None), "not taken for a process without any"


def test_what_fails_in_another_way_is_no_fact() -> None:
    def fail(error: Exception) -> t.Any:
        raise error

    assert attempt(lambda: 5) == 5
    assert attempt(lambda: fail(PermissionError())) is None
    assert attempt(lambda: fail(ElfError("cut off"))) is None
    with pytest.raises(ValueError, match="a mistake of ours"):
        attempt(lambda: fail(ValueError("a mistake of ours")))


@pytest.mark.parametrize(("more", "entry"), [(0, "/lib/a.so"), (1, "/lib/a.s")])
def test_no_more_than_a_megabyte_of_the_hosts_file_is_read(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, more: int, entry: str
) -> None:
    path = tmp_path / "ld.so.preload"
    end = "\n/lib/a.so"
    path.write_text("#" * (2**20 - len(end) + more) + end)
    monkeypatch.setattr(facts, "LD_SO_PRELOAD", str(path))
    assert gather_facts(os.getpid()).host_preload == HostPreload((entry,), (entry,))


def test_before_the_hosts_file_was_there_it_named_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ld.so.preload"
    path.write_text("/lib/a.so\n")
    monkeypatch.setattr(facts, "LD_SO_PRELOAD", str(path))
    in_force.note(str(path), None)
    in_force.note(str(path), "/lib/a.so\n")
    assert gather_facts(os.getpid()).host_preload == HostPreload(("/lib/a.so",), ())


def test_a_process_is_older_than_what_its_drop_in_says_where_that_is_shown() -> None:
    plain = ProcessFacts("/bin/a", None, None, None, None, started=1.0)
    assert plain.older_than(None) is False
    texts = {"/x/zz-keepalive.conf": "new"}
    assert plain.older_than(DropIn("/x/zz-keepalive.conf", {}, texts)) is False, "nothing is noted of it"
    in_force.note("/x/zz-keepalive.conf", "old")
    in_force.note("/x/zz-keepalive.conf", "new")
    assert plain.older_than(DropIn("/x/zz-keepalive.conf", {}, texts)) is True
    assert plain._replace(started=None).older_than(DropIn("/x/zz-keepalive.conf", {}, texts)) is False
    assert plain.older_than(DropIn("/x/zz-keepalive.conf", {})) is False


def test_an_instances_drop_in_hides_its_templates(tmp_path: pathlib.Path) -> None:
    paths = [tmp_path / f"worker@{name}.service.d" / "zz-keepalive.conf" for name in ("one", "")]
    for path in paths:
        path.parent.mkdir()
    assert drop_in_of("worker@one.service", str(tmp_path)) is None
    template = f"{MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60\n"
    paths[1].write_text(template)
    texts = {str(paths[0]): None, str(paths[1]): template}
    expected = DropIn(str(paths[1]), {"TCP_KEEPIDLE": "60"}, texts)
    assert drop_in_of("worker@one.service", str(tmp_path)) == expected
    os.mkfifo(paths[0])
    assert drop_in_of("worker@one.service", str(tmp_path)) == expected, "what cannot be read says nothing"
    paths[0].unlink()
    paths[0].write_text("[Service]\nEnvironment=TCP_KEEPIDLE=5\n")
    assert drop_in_of("worker@one.service", str(tmp_path)) is None, "somebody else's file is in its place"
    instance = template.replace("60", "7")
    paths[0].write_text(instance)
    assert drop_in_of("worker@one.service", str(tmp_path)) == DropIn(
        str(paths[0]), {"TCP_KEEPIDLE": "7"}, {str(paths[0]): instance, str(paths[1]): template}
    )
    assert DropIn("/x", {}).texts == {}


def test_drop_ins_are_looked_for_where_systemd_reads_the_administrators(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[str] = []
    monkeypatch.setattr(facts.dropin, "read_drop_in", asked.append)
    assert drop_in_of("worker@one.service") is None
    assert asked == [f"/etc/systemd/system/worker@{instance}.service.d/zz-keepalive.conf" for instance in ("one", "")]


@pytest.mark.parametrize(
    ("path", "holds"),
    [
        ("/usr/lib/libkeepalive/a.so", True),
        ("/usr/lib32/libkeepalive/b.so", True),
        ("/usr/lib/libkeepalive/c.so", False),
        ("/usr/lib/other/a.so", False),
        ("/usr/lib/libkeepalive/x/a.so", False),
        ("a.so", False),
    ],
)
def test_a_library_is_one_of_ours_in_the_folder_of_any_word_size(path: str, holds: bool) -> None:
    files = LibraryFiles("/usr/lib/libkeepalive", frozenset(("b.so", "a.so")))
    assert files.holds(path) is holds
    assert files.paths == ["/usr/lib/libkeepalive/a.so", "/usr/lib/libkeepalive/b.so"]
