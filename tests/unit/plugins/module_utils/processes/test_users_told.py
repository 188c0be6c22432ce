# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of each process that has, still has, or would have a library of ours: /proc is made up."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import state
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST, Proc
from ansible_collections.netops.keepalive.plugins.module_utils.processes import users

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
LISTEN = "/usr/lib/libkeepalive/libkeepalive_listen.so"
OTHER = "/opt/other.so"
PATH = "PATH=/bin\0"
STAT = " ".join(["7 (run) S", *["4"] * 18, "4200", *["0"] * 30])


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    proc = Proc(str(tmp_path / "proc"))
    os.mkdir(proc.root)
    monkeypatch.setattr(answering, "answering", lambda given: given.pids())
    return proc


def add(
    proc: Proc,
    pid: int,
    unit: str,
    mapped: t.Sequence[str] = (),
    environ: t.Optional[str] = PATH,
    program: str = "/opt/run",
    stat: str = STAT,
) -> t.Dict[str, t.Any]:
    folder = pathlib.Path(proc.root) / str(pid)
    (folder / "task").mkdir(parents=True)
    (folder / "cgroup").write_text(f"0::/system.slice/{unit}\n")
    (folder / "exe").symlink_to(program)
    (folder / "maps").write_text("".join(f"1-2 r-xp 00000000 08:01 5 {path}\n" for path in mapped))
    (folder / "stat").write_text(stat)
    if environ is not None:
        (folder / "environ").write_text(environ)
    return {"pid": pid, "unit": unit, "program": program}


def test_each_process_that_maps_a_library_of_ours(proc: Proc) -> None:
    first = add(proc, 20, "a.service", [LISTEN, OTHER, CONNECT], f"{PATH}LD_PRELOAD={OTHER} {CONNECT}\0")
    second = add(proc, 30, "b.service", [CONNECT, f"{LISTEN} (deleted)"])
    third = add(proc, 40, "c.service", [f"{LISTEN} (deleted)"], environ=None)
    add(proc, 50, "d.service", [OTHER], f"{PATH}LD_PRELOAD={CONNECT}\0")
    assert users.library_users(proc) == [
        {**first, "libraries": [CONNECT, LISTEN], "replaced": False, "loaded_by": "environment"},
        {**second, "libraries": [CONNECT, LISTEN], "replaced": True, "loaded_by": "host"},
        {**third, "libraries": [LISTEN], "replaced": True, "loaded_by": "host"},
    ]


@pytest.mark.parametrize(
    ("mapped", "environ", "left"),
    [
        ([LISTEN, CONNECT], f"{PATH}LD_PRELOAD={CONNECT}\0", (f"maps {CONNECT}, {LISTEN}", "environment")),
        ([OTHER, CONNECT], PATH, (f"maps {CONNECT}", "host")),
        ([f"{CONNECT} (deleted)"], "nginx: master", (f"maps {CONNECT}", "unknown")),
        (
            [],
            f"{PATH}LD_PRELOAD={LISTEN}:{OTHER}:{CONNECT}\0",
            (f"was started with LD_PRELOAD={LISTEN}:{CONNECT}", "environment"),
        ),
        ([], f"{PATH}LD_PRELOAD={OTHER}\0", None),
        ([OTHER], "nginx: master", None),
        ([CONNECT], None, None),
    ],
)
def test_what_a_process_has_left_of_ours(
    proc: Proc, mapped: t.Sequence[str], environ: t.Optional[str], left: t.Optional[t.Tuple[str, str]]
) -> None:
    named = add(proc, 20, "a.service", mapped, environ)
    expected = [{**named, "has": left[0], "by": left[1]}] if left else []
    assert users.remains(["a.service"], proc) == expected


def test_what_is_left_is_told_short_and_so_that_it_can_be_shown(proc: Proc) -> None:
    libraries = [f"/usr/lib/libkeepalive/{number}.so" for number in range(20)]
    add(proc, 20, "a.service", libraries)
    add(proc, 30, "a.service", environ=f"{PATH}LD_PRELOAD={':'.join(libraries)}\0")
    maps, started = (row["has"] for row in users.remains(["a.service"], proc))
    assert maps == f"maps {users.printable(', '.join(sorted(libraries)), 200)}"
    assert started == f"was started with LD_PRELOAD={users.printable(':'.join(libraries), 200)}"
    assert len(maps) < 250 and len(started) < 250


@pytest.mark.parametrize(
    ("patterns", "pids"),
    [
        ([], []),
        (["*"], [20, 30, 40]),
        (["worker@.service"], [20, 30]),
        (["worker@one.service"], [20]),
        (["a.service", "worker@two*"], [30, 40]),
        (["b.service"], []),
    ],
)
def test_of_which_units_what_is_left_is_told(proc: Proc, patterns: t.List[str], pids: t.List[int]) -> None:
    for pid, unit in ((20, "worker@one.service"), (30, "worker@two.service"), (40, "a.service")):
        add(proc, pid, unit, [CONNECT])
    assert [row["pid"] for row in users.remains(patterns, proc)] == pids


def test_who_has_a_file_of_a_folder_mapped_but_for_this_connection(
    proc: Proc, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lib"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    inside = f"{os.path.realpath(folder)}/a.so"
    add(proc, 20, "session-1.scope", [inside])
    me = os.getpid()
    add(proc, me, "session-1.scope", [inside], stat=f"{me} (python) S 20 1")
    expected = [
        add(proc, 30, "a.service", [inside]),
        add(proc, 40, "b.service", [f"{inside} (deleted)", OTHER]),
    ]
    add(proc, 50, "c.service", [f"{os.path.realpath(folder)}2/a.so", OTHER])
    ordered = sorted(expected, key=lambda row: int(row["pid"]))
    for path in (folder, tmp_path / "link"):
        assert users.mapped_by(str(path), proc) == ordered


def test_who_would_load_the_libraries_if_it_were_started_now(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    host = state.HostWide(preload=f"{CONNECT}\n")
    rows = [add(proc, 20, "a.service", [LISTEN]), add(proc, 30, "left.service"), add(proc, 40, "right.service")]
    add(proc, 50, "thread.service", program="kthreadd")
    add(proc, 60, "gone.service", stat="")
    asked: t.List[t.Any] = []

    def why(given: t.Any, unit: str, program: str, libraries: t.Any, started: float, can_load: t.Any) -> t.List[str]:
        asked.append((given, unit, program, libraries, started, can_load.args))
        return [] if unit == "right.service" else [f"{unit} was started before", "and more"]

    monkeypatch.setattr(state, "host_stale_reasons", why)
    monkeypatch.setattr(state, "is_left_alone", lambda given, unit, program: (given, unit) == (host, "left.service"))
    assert users.without_libraries(host, proc) == [{**rows[0], "why": "a.service was started before"}]
    started = 4200 / os.sysconf("SC_CLK_TCK")
    assert asked == [
        (host, row["unit"], "/opt/run", {LISTEN: True} if row is rows[0] else {}, started, (row["pid"], host, proc))
        for row in rows
    ]
    assert users.without_libraries(state.HostWide(), proc) == []


def test_who_told_a_process_whose_environment_is_not_shown_is_not_known(proc: Proc) -> None:
    named = add(proc, 20, "a.service", [CONNECT], environ=None)
    assert users.library_users(proc) == [{**named, "libraries": [CONNECT], "replaced": False, "loaded_by": "unknown"}]


def test_of_the_host_itself_unless_another_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[Proc] = []

    def nobody(*given: t.Any) -> t.List[t.Any]:
        asked.append(given[-1])
        return []

    monkeypatch.setattr(answering, "answering", nobody)
    monkeypatch.setattr(answering, "mapping", nobody)
    host = state.HostWide(preload=f"{CONNECT}\n")
    assert (users.library_users(), users.remains(["*"]), users.without_libraries(host)) == ([], [], [])
    assert users.mapped_by("/opt") == []
    assert asked == [HOST] * 4
