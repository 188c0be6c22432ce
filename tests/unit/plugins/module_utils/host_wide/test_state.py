# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes part in the host-wide mode, and whom a restart would make take part."""

from __future__ import annotations

import os
import pathlib
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide.state import (
    HostWide,
    host_stale_reasons,
    look_at_host_wide,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.in_force import History, Version
from ansible_collections.netops.keepalive.plugins.module_utils.units import staleness
from ansible_collections.netops.keepalive.tests.unit.support.notes import noted

FOLDER = "/usr/lib/libkeepalive"
CONNECT, LISTEN = f"{FOLDER}/libkeepalive.so", f"{FOLDER}/libkeepalive_listen.so"
WIDE = f"{FOLDER}/lib/x86_64-linux-gnu/libkeepalive.so"
OLD, CHANGED, YOUNG, SETTLED, YOUNGEST = 100.0, 200.0, 300.0, 400.0, 500.0
ALL = "# Managed by netops.keepalive\nTCP_KEEPIDLE=60\n"
SSHD = "[program */sshd]\nLIBKEEPALIVE_DISABLE=1\n"
SETTINGS = ALL + SSHD


def told(*versions: t.Tuple[float, t.Optional[str]]) -> History:
    return History(tuple(Version(*version) for version in versions))


def named(*entries: str) -> HostWide:
    """The libraries came into force at CHANGED, the settings with them."""
    text = "".join(f"{entry}\n" for entry in entries)
    return HostWide(text, SETTINGS, told((0.0, None), (CHANGED, text)), told((0.0, None), (CHANGED, SETTINGS)))


def later(host: HostWide, settings: t.Optional[str]) -> HostWide:
    """The settings have become others at SETTLED."""
    return host._replace(
        settings=settings, settings_history=told((0.0, None), (CHANGED, SETTINGS), (SETTLED, settings))
    )


BOTH = named(CONNECT, LISTEN)
A_LATER = ALL + "[unit a.service]\nTCP_KEEPIDLE=1\n"
LINE = "which /etc/ld.so.preload names"

SETTINGS_CAME = "was started before its settings in /etc/libkeepalive.conf came into force"

CASES: t.List[t.Tuple[str, HostWide, t.List[str], float, t.List[str]]] = [
    ("never had it", BOTH, [], OLD, [f"does not map libkeepalive.so, libkeepalive_listen.so, {LINE}"]),
    ("has one of two", BOTH, [CONNECT], OLD, [f"does not map libkeepalive_listen.so, {LINE}"]),
    ("has both", BOTH, [CONNECT, LISTEN], YOUNG, []),
    ("has it by another path ($LIB)", later(named(f"{FOLDER}/$LIB/libkeepalive.so"), None), [WIDE], YOUNGEST, []),
    ("started since, and refused by the loader: a restart mends nothing", BOTH, [], YOUNG, []),
    ("older than its section", later(BOTH, A_LATER), [CONNECT, LISTEN], YOUNG, [SETTINGS_CAME]),
    ("younger than its section", later(BOTH, A_LATER), [CONNECT, LISTEN], YOUNGEST, []),
    ("older than a value for all", later(BOTH, SETTINGS.replace("60", "61")), [CONNECT, LISTEN], YOUNG,
     [SETTINGS_CAME]),
    ("older than a section of others", later(BOTH, f"{SETTINGS}[unit b.service]\nTCP_KEEPIDLE=1\n"), [CONNECT, LISTEN],
     YOUNG, []),
    ("older than a section that went, of others", later(BOTH, ALL), [CONNECT, LISTEN], YOUNG, []),
    ("older than another way to say the same", later(BOTH, f"# since 2026\n{ALL}[unit a.*]\nTCP_KEEPIDLE=60\n"),
     [CONNECT, LISTEN], YOUNG, []),
    ("older than the settings' going", later(BOTH, None), [CONNECT, LISTEN], YOUNG, [SETTINGS_CAME]),
    ("settings that nobody noted", BOTH._replace(settings="TCP_KEEPIDLE=1\n"), [CONNECT, LISTEN], YOUNG, []),
    ("started with the host, which was booted so", BOTH._replace(preload_history=History(), settings_history=History()),
     [], OLD, []),
    ("its line ends with a carriage return: the loader looks for another file", named(f"{CONNECT}\r"), [], OLD, []),
    ("the mode is off", state.NOWHERE, [], OLD, []),
    ("a settings file alone does nothing", later(BOTH, A_LATER)._replace(preload=None), [CONNECT], YOUNG, []),
]  # fmt: skip


@pytest.mark.parametrize(("host", "mapped", "started", "reasons"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_whose_restart_is_due(host: HostWide, mapped: t.List[str], started: float, reasons: t.List[str]) -> None:
    assert host_stale_reasons(host, "a.service", "/usr/bin/a", mapped, started, lambda: True) == reasons


def test_what_no_restart_would_change_is_not_due() -> None:
    assert host_stale_reasons(BOTH, "a.service", "/usr/bin/static", [], OLD, lambda: False) == []


def test_what_the_host_loads_is_no_rest_of_a_drop_in() -> None:
    live = staleness.Live({"PATH": "/"}, {CONNECT: True, WIDE: True, LISTEN: True}, YOUNG)
    assert staleness.stale_reasons({}, live, None, BOTH.names) == []
    assert staleness.stale_reasons({}, live, None, frozenset(["libkeepalive.so"])) == [f"still maps {LISTEN}"]
    left = live._replace(environ={"LD_PRELOAD": CONNECT})
    assert staleness.stale_reasons({}, left, None, BOTH.names) == [f"LD_PRELOAD still names {CONNECT}"]


def test_who_is_left_alone() -> None:
    assert state.is_left_alone(BOTH, "ssh.service", "/usr/sbin/sshd")
    assert not state.is_left_alone(BOTH, "a.service", "/usr/bin/a")


def test_both_files_are_read_as_their_readers_do(tmp_path: pathlib.Path) -> None:
    preload, settings = tmp_path / "ld.so.preload", tmp_path / "libkeepalive.conf"
    assert look_at_host_wide(str(preload), str(settings)) == state.NOWHERE
    preload.write_text(f"# {LISTEN}\n/lib/other.so:{CONNECT} # {LISTEN}\n{FOLDER}/$LIB/libkeepalive_socket.so")
    settings.write_text("TCP_KEEPIDLE=1\n")
    found = look_at_host_wide(str(preload), str(settings))
    assert found.entries == (CONNECT, f"{FOLDER}/$LIB/libkeepalive_socket.so")
    assert found == HostWide(preload.read_text(), "TCP_KEEPIDLE=1\n")
    noted(settings, (0.0, "TCP_KEEPIDLE=1\n"))
    assert look_at_host_wide(str(preload), str(settings)).settings_history == told((0.0, "TCP_KEEPIDLE=1\n"))
    assert look_at_host_wide(str(preload), str(settings)).names == {"libkeepalive.so", "libkeepalive_socket.so"}
    preload.write_bytes(f"{CONNECT}\r\n{LISTEN}\n".encode())
    found = look_at_host_wide(str(preload), str(settings))
    assert found.entries == (CONNECT, LISTEN), "what stands there is what is to be taken away"
    assert found.names == {"libkeepalive_listen.so"}, "and this is what is loaded"


@pytest.mark.parametrize(("mode", "words"), [(0o664, "others than root may write"), (0o600, "not everybody may read")])
def test_with_a_settings_file_that_cannot_be_used_everybody_is_left_alone(
    tmp_path: pathlib.Path, mode: int, words: str
) -> None:
    preload, settings = tmp_path / "ld.so.preload", tmp_path / "libkeepalive.conf"
    preload.write_text(f"{CONNECT}\n")
    settings.write_text(A_LATER)
    settings.chmod(mode)
    host = look_at_host_wide(str(preload), str(settings))
    assert f"{settings} has mode {mode:04o}: {words} it; right is a regular file of root's with mode" in host.unusable
    assert state.is_left_alone(host, "a.service", "/usr/bin/a")
    assert host_stale_reasons(host, "a.service", "/usr/bin/a", [CONNECT], OLD, lambda: True) == []


@pytest.fixture(name="preload")
def preload_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "ld.so.preload"
    path.write_text("")
    monkeypatch.setattr(state, "LD_SO_PRELOAD", str(path))
    return str(path)


def test_only_a_dynamic_program_that_sees_the_same_file_can_load(preload: str, tmp_path: pathlib.Path) -> None:
    assert state.can_load(os.getpid(), BOTH)
    static = tmp_path / "static"
    subprocess.run(
        ["cc", "-static", "-o", static, "-x", "c", "-"], input=b"int pause(void);int main(void){pause();}", check=True
    )
    with subprocess.Popen([static]) as process:
        assert not state.can_load(process.pid, BOTH)
        process.kill()
    os.unlink(preload)
    assert not state.can_load(os.getpid(), BOTH), "which is also what a container with another root shows"


def test_so_much_of_the_preload_file_is_read(tmp_path: pathlib.Path) -> None:
    preload = tmp_path / "ld.so.preload"
    preload.write_text(f"{CONNECT}\n".rjust(1 << 20) + f"{LISTEN}\n")
    assert look_at_host_wide(str(preload), str(tmp_path / "none")).entries == (CONNECT,)


@pytest.mark.parametrize(
    ("entry", "loads"), [(CONNECT, False), (f"{FOLDER}/$LIB/libkeepalive.so", True), (f"{FOLDER}/${{LIB}}/a.so", True)]
)
def test_a_program_of_another_word_size_needs_an_entry_for_its_own(
    preload: str, monkeypatch: pytest.MonkeyPatch, entry: str, loads: bool
) -> None:
    own = state.read_elf("/proc/self/exe")
    monkeypatch.setattr(state, "read_elf", lambda _path: own._replace(bits=96 - own.bits))
    assert state.can_load(os.getpid(), HostWide(f"{entry}\n")) is loads


def test_a_settings_file_that_is_none_or_cannot_be_reached(tmp_path: pathlib.Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    found = look_at_host_wide(str(tmp_path / "none"), str(tmp_path / "loop"))
    assert found.settings is None
    assert found.unusable.startswith(f"{tmp_path}/loop cannot be opened: Too many levels of symbolic links; right is")


def test_both_files_are_looked_for_where_everybody_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find(path: str) -> t.Any:
        asked.append(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(state.below_root, "find", find)
    monkeypatch.setattr(state.in_force, "history", lambda path: told((1.0, path)))
    histories = [told((1.0, path)) for path in ("/etc/ld.so.preload", "/etc/libkeepalive.conf")]
    assert look_at_host_wide() == HostWide(None, None, *histories)
    assert sorted(asked) == ["/etc/ld.so.preload", "/etc/libkeepalive.conf"]


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o755])
def test_a_settings_file_that_everybody_may_read_is_in_order(tmp_path: pathlib.Path, mode: int) -> None:
    settings = tmp_path / "libkeepalive.conf"
    settings.write_text(ALL)
    settings.chmod(mode)
    host = look_at_host_wide(str(tmp_path / "none"), str(settings))
    assert (host.settings, host.unusable) == (ALL, "")
    settings.chmod(mode | 0o022)
    host = look_at_host_wide(str(tmp_path / "none"), str(settings))
    assert host.settings == ALL and host.unusable, "what it says is known, and that nobody goes by it"


@pytest.mark.parametrize("change", ["musl", "no ELF", "gone"])
def test_a_program_of_another_c_library_or_that_is_gone_cannot_load(
    preload: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    own = state.read_elf("/proc/self/exe")

    def elf_in(_found: t.Any) -> t.Any:
        if change == "no ELF":
            raise state.ElfError("cut off")
        if change == "gone":
            raise ProcessLookupError
        return own._replace(interpreter="/lib/ld-musl-x86_64.so.1")

    assert preload
    monkeypatch.setattr(state, "elf_in", elf_in)
    assert state.can_load(os.getpid(), BOTH) is False


def test_another_file_of_the_same_number_on_another_disk_is_not_the_hosts(
    preload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat, there = os.stat, os.stat(preload)
    for dev, ino, same in ((0, 0, True), (1, 0, False), (0, 1, False)):
        fields = [there.st_mode, there.st_ino + ino, there.st_dev + dev, *there[3:]]

        def looked_at(path: str, fields: t.Any = fields, **more: t.Any) -> os.stat_result:
            return os.stat_result(fields) if path == preload else stat(path, **more)

        with monkeypatch.context() as patched:
            patched.setattr(state.os, "stat", looked_at)
            found = state.can_load(os.getpid(), BOTH)
        assert found is same


def test_who_is_told_that_he_is_not_left_alone_is_not() -> None:
    host = BOTH._replace(settings=f"LIBKEEPALIVE_DISABLE=1\n{SSHD.replace('=1', '=0')}")
    assert state.is_left_alone(host, "a.service", "/usr/bin/a") is True
    assert state.is_left_alone(host, "ssh.service", "/usr/sbin/sshd") is False
    assert state.is_left_alone(state.NOWHERE, "a.service", "/usr/bin/a") is False


def test_the_names_at_a_time_are_those_that_the_loader_took_then() -> None:
    host = BOTH._replace(preload_history=told((0.0, f"{CONNECT}\n"), (CHANGED, BOTH.preload)))
    assert host.names_at(OLD) == {"libkeepalive.so"}
    assert host.names_at(YOUNG) == host.names == {"libkeepalive.so", "libkeepalive_listen.so"}
    elsewhere = HostWide("/usr/lib/libkeepalive2/x.so /usr/lib/libkeepalive /opt/usr/lib/libkeepalive/a.so")
    assert (elsewhere.entries, elsewhere.names) == ((), frozenset())
