# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a unit's files and its program say, what stands in its way in which mode, and what overrules its drop-in."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering
from ansible_collections.netops.keepalive.plugins.module_utils.linux.executable import Executable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.printable import printable
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import Assignments, assignments
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin, preflight
from ansible_collections.netops.keepalive.plugins.module_utils.units import unit as units_unit
from ansible_collections.netops.keepalive.plugins.module_utils.units.mounts import mount_problems
from ansible_collections.netops.keepalive.plugins.module_utils.units.preflight import (
    Obstacle,
    environment_problems,
    executable_problems,
    host_wide_problems,
)
from ansible_collections.netops.keepalive.plugins.module_utils.units.staleness import Live, stale_reasons
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import (
    Unit,
    environment_of,
    executable_of,
    foreign_assignments,
    overruled,
    problems_of,
)

CONNECT = "/usr/lib/libkeepalive/libkeepalive.so"
LISTEN = "/usr/lib/libkeepalive/libkeepalive_listen.so"
DROP_IN = "/etc/systemd/system/a.service.d/zz-keepalive.conf"
NO_FILES = Assignments({}, {}, [], [], "")
ORDINARY = Executable("/opt/run", "dynamic", "glibc", False, False, False, None, "")


def test_what_others_say_of_the_environment_is_read_in_order_and_ours_is_left_out(tmp_path: pathlib.Path) -> None:
    def put(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    fragment = put("a.service", "[Service]\nEnvironment=A=1 B=1\n")
    ours = put("a.service.d/zz-keepalive.conf", f"{dropin.MARKER}\n[Service]\nEnvironment=A=2\n")
    marked = put("a.service.d/50-copy.conf", f"{dropin.MARKER}\n[Service]\nEnvironment=B=3\n")
    others = put("b.d/zz-keepalive.conf", "[Service]\nEnvironment=C=4\n")
    found = foreign_assignments(fragment, [ours, marked, "", str(tmp_path / "none"), others])
    assert found == Assignments(
        {"A": "1", "B": "3", "C": "4"}, {"A": fragment, "B": marked, "C": others}, [], [], "", (), fragment
    )
    os.mkfifo(tmp_path / "fifo")
    unread = (f"{tmp_path}/fifo cannot be read (not a regular file)",) * 2
    found = foreign_assignments(str(tmp_path / "fifo"), (str(tmp_path / "fifo"), others))
    assert found == Assignments({"C": "4"}, {"C": others}, [], [], "", unread, str(tmp_path / "fifo"))
    assert foreign_assignments("", []) == NO_FILES


def test_the_program_of_a_service_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(units_unit, "describe_executable", lambda path: path)
    running = {20: str(tmp_path), 30: f"{tmp_path}/gone", 40: "kworker"}
    asked: t.List[int] = []
    monkeypatch.setattr(Proc, "program_of", lambda _proc, pid: asked.append(pid) or running[pid])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kworker").touch()
    started = "{ path=/opt/run ; argv[]=/opt/run ; ignore_errors=no }"
    assert [executable_of({"ExecStart": started}, pids) for pids in ((), (20,), (30,), (40,))] == [
        "/opt/run", str(tmp_path), "/opt/run", "/opt/run"
    ]  # fmt: skip
    assert executable_of({"ExecStart": started}) == "/opt/run"
    assert executable_of({}, (20, 30)) == str(tmp_path), "the first of several stands for them"
    assert executable_of({}, (40,)) is None
    assert executable_of({}) is None
    assert asked == [20, 30, 40, 20, 40]
    monkeypatch.setitem(answering.SILENT, 20, "silent")
    assert executable_of({"ExecStart": started}, (20,)) == "/opt/run"
    assert len(asked) == 5
    assert executable_of({"ExecStart": started}, (20, 30)) == "/opt/run" and asked[5:] == [30]


def test_a_program_without_a_path_is_looked_for_as_systemd_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units_unit, "describe_executable", lambda path: path)
    started = "{ path=%s ; argv[]=x ; ignore_errors=no }"
    found = executable_of({"ExecStart": started % "sh"})
    assert found in ("/usr/bin/sh", "/bin/sh")
    assert executable_of({"ExecStart": started % "no-such-program"}) is None, "where it is nobody knows"
    assert executable_of({"ExecStart": started % "/opt/x"}) == "/opt/x"


def test_what_stands_in_the_way_is_told_of_files_program_environment_and_root(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(
        units_unit, "executable_of", lambda properties, _pids: ORDINARY._replace(**properties["program"])
    )
    foreign = assignments([("/x/a.service", "[Service]\nUnsetEnvironment=LD_PRELOAD\nEnvironment=TCP_KEEPIDLE=5\n")])
    foreign = foreign._replace(unread=("/x/one cannot be read", "/x/two cannot be read"))
    properties: t.Any = {"program": {"setuid": True}, "RootDirectory": str(tmp_path)}
    unread = [
        Obstacle(None, f"a.service: /x/{name} cannot be read: make it a regular file of root's")
        for name in ("one", "two")
    ]
    program = ORDINARY._replace(setuid=True)
    expected = [
        *unread,
        *executable_problems("a.service", program),
        *environment_problems("a.service", DROP_IN, foreign),
        *mount_problems("a.service", properties),
    ]
    assert len(expected) == 5
    assert problems_of("a.service", "loaded", properties, foreign, DROP_IN) == expected
    wide = [*unread, *host_wide_problems("a.service", program, foreign, properties)]
    assert len(wide) == 4
    assert problems_of("a.service", "loaded", properties, foreign, DROP_IN, "host") == wide
    assert problems_of("a.socket", "loaded", properties, foreign, DROP_IN) == []
    assert problems_of("a.socket", "masked", properties, foreign, DROP_IN) == preflight.unit_problems(
        "a.socket", "masked"
    )
    assert problems_of("a.service", "masked", properties, foreign, DROP_IN, "host") == preflight.unit_problems(
        "a.service", "masked"
    )


def test_what_systemd_has_merged_is_read_back() -> None:
    assert environment_of({"Environment": 'A=1 "B=2 3" C='}) == {"A": "1", "B": "2 3", "C": ""}
    assert environment_of({}) == {}


@pytest.mark.parametrize(
    ("shown", "lost"),
    [
        (f"LD_PRELOAD={CONNECT}:{LISTEN}:/a.so X=1 TCP_KEEPIDLE=60 Y=1", None),
        (f"LD_PRELOAD=/z.so:{LISTEN}:{CONNECT} TCP_KEEPIDLE=60 X=1", None),  # others may stand before and between ours
        (f"LD_PRELOAD={CONNECT} TCP_KEEPIDLE=60 X=1", f"LD_PRELOAD={CONNECT}"),
        (f"LD_PRELOAD={CONNECT}:{LISTEN} TCP_KEEPIDLE=6 X=1", "TCP_KEEPIDLE=6"),
        (f"LD_PRELOAD={CONNECT}:{LISTEN}", "TCP_KEEPIDLE=, X="),
        ("", "LD_PRELOAD=, TCP_KEEPIDLE=, X="),
    ],
)
def test_what_overrules_a_drop_in_is_shown_as_systemd_says_it(
    tmp_path: pathlib.Path, shown: str, lost: t.Optional[str]
) -> None:
    path = tmp_path / "zz-keepalive.conf"
    path.write_text(
        f"{dropin.MARKER}\n[Service]\nEnvironment=TCP_KEEPIDLE=60 LD_PRELOAD={CONNECT}:{LISTEN}:/a.so X=1\n"
    )
    properties = {"Environment": shown, "DropInPaths": f"/x.conf {path}"}
    units = [
        Unit("a.service", properties, str(path), []),
        Unit("a.socket", properties, str(path), []),
        Unit("b.service", properties, None, []),
        Unit("gone.service", properties, str(tmp_path / "gone"), []),
    ]
    text = f"a.service: {path} is overruled: systemd says {lost}; the unit's drop-ins in order: /x.conf {path}"
    assert overruled(units) == ([text] if lost else [])
    if lost:
        del properties["DropInPaths"]
        assert overruled(units[:1]) == [text[: text.index("in order:")] + "in order: "]


def test_a_library_that_the_host_gives_to_every_process_is_none_that_is_left() -> None:
    live = Live({}, {CONNECT: True, LISTEN: True}, 1.0)
    assert stale_reasons({}, live, None, {"libkeepalive.so"}) == [f"still maps {LISTEN}"]
    assert stale_reasons({}, live, None, {CONNECT}) == [f"still maps {CONNECT}", f"still maps {LISTEN}"]
    replaced = live._replace(libraries={CONNECT: False})
    assert stale_reasons({}, replaced, None, {"libkeepalive.so"}) == [f"maps a {CONNECT} that has been replaced"]


def test_what_a_process_has_is_shown_short_and_so_that_it_can_be_shown() -> None:
    long = "/usr/lib/libkeepalive/" + "x" * 300 + ".so"
    shown = printable(long, 200)
    wanted = {"LD_PRELOAD": CONNECT, "TCP_KEEPIDLE": "\x1b"}
    live = Live({"LD_PRELOAD": long, "TCP_KEEPIDLE": "5"}, {}, 1.0)
    has, idle = stale_reasons(wanted, live, True)
    assert has == f"LD_PRELOAD is {shown}, the drop-in says {CONNECT}"
    assert shown != long
    assert idle == "TCP_KEEPIDLE is 5, the drop-in says \\x1b"
    (left,) = stale_reasons({}, live, None)
    assert left == f"LD_PRELOAD still names {shown}"
    two = live._replace(environ={"LD_PRELOAD": f"{CONNECT} /a.so {LISTEN}"})
    assert stale_reasons({}, two, None) == [f"LD_PRELOAD still names {CONNECT}, {LISTEN}"]


PLACE = "/etc/systemd/system/a.service.d"


def given(*files: t.Tuple[str, str]) -> Assignments:
    found = assignments([(path, f"[Service]\n{text}\n") for path, text in files])
    return found._replace(fragment="/etc/systemd/system/zz-x.service")


def test_everything_that_beats_a_drop_in_is_told_in_order_and_by_whom(tmp_path: pathlib.Path) -> None:
    texts = {f"{tmp_path}/a.env": "TCP_SYNCNT=1\nLD_PRELOAD=/x\nX=1\n", f"{tmp_path}/b.env": "TCP_MAXSEG=5\n"}
    for path in texts:
        pathlib.Path(path).touch()
    foreign = given(
        (f"{PLACE}/50.conf", "Environment=LD_PRELOAD=/opt/a\u200b.so TCP_KEEPCNT=1"),
        (f"{PLACE}/zzz.conf", "Environment=TCP_KEEPIDLE=5"),
        (f"{PLACE}/zzz.conf", f"EnvironmentFile=-{tmp_path}/*.env\nEnvironmentFile={tmp_path}/none"),
        ("/x", "UnsetEnvironment=X TCP_KEEPIDLE LD_PRELOAD=/a"),
    )
    problems = environment_problems("a.service", DROP_IN, foreign, texts.get)
    assert {problem.reason for problem in problems} == {None}
    entry, beats = f"-{tmp_path}/*.env", "which beats every drop-in; take"
    assert [problem.text for problem in problems] == [
        f"a.service: EnvironmentFile={entry} sets LD_PRELOAD, {beats} LD_PRELOAD out of {tmp_path}/a.env",
        f"a.service: EnvironmentFile={entry} sets TCP_SYNCNT, {beats} TCP_SYNCNT out of {tmp_path}/a.env",
        f"a.service: EnvironmentFile={entry} sets TCP_MAXSEG, {beats} TCP_MAXSEG out of {tmp_path}/b.env",
        "a.service: UnsetEnvironment=TCP_KEEPIDLE removes the variable again; take it out of the unit",
        "a.service: UnsetEnvironment=LD_PRELOAD=/a removes the variable again; take it out of the unit",
        f"a.service: {PLACE}/50.conf sets LD_PRELOAD to '/opt/a\\u200b.so': what is invisible is not taken over into a "
        "drop-in; rename that library",
        f"a.service: {PLACE}/zzz.conf sets TCP_KEEPIDLE and sorts behind {DROP_IN}, so it wins; rename it",
    ]


def test_an_environment_file_that_cannot_be_read_is_told_in_these_words(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "env")
    foreign = given(("/x", f"EnvironmentFile=-{tmp_path}/env\nEnvironment=TCP_KEEPIDLE=5"))
    problem = Obstacle(
        None,
        f"a.service: EnvironmentFile=-{tmp_path}/env: {tmp_path}/env cannot be read (not a regular file), so nobody "
        "knows what it sets; make it a regular file of at most 1 MiB",
    )
    assert environment_problems("a.service", DROP_IN, foreign) == [problem]
    assert host_wide_problems("a.service", None, foreign, {}) == [
        problem,
        Obstacle(None, "a.service: /x sets TCP_KEEPIDLE, which beats /etc/libkeepalive.conf; take TCP_KEEPIDLE out of "
                 "there"),
    ]  # fmt: skip
    assert environment_problems("a.service", DROP_IN, foreign, lambda _path: None) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (f"{PLACE}/zz-keepalive.conf", "Environment="),  # of the same name: it does not sort behind
        ("/etc/systemd/system/zz-x.service", "Environment="),
        (f"{PLACE}/zz-x.conf", "Environment=A=1"),
        (f"{PLACE}/zz-x.conf", "UnsetEnvironment=A TCP_KEEPIDLE2"),
    ],
)
def test_what_does_not_beat_a_drop_in(path: str, text: str) -> None:
    assert environment_problems("a.service", DROP_IN, given((path, text))) == []


def test_a_variable_that_a_later_file_has_taken_away_is_set_by_nobody() -> None:
    behind = f"{PLACE}/zzz.conf"
    foreign = given((behind, "Environment=TCP_KEEPIDLE=5"))._replace(environment={})
    assert environment_problems("a.service", DROP_IN, foreign) == []
    assert host_wide_problems("a.service", None, foreign, {}) == []


def test_a_root_of_its_own_is_told_for_both_ways_to_have_one(tmp_path: pathlib.Path) -> None:
    properties = {"RootImage": "/i.raw", "RootDirectory": "/srv"}
    kinds = ("RootDirectory=/srv", "RootImage=/i.raw")
    own = "gives the service a root of its own, in which"
    assert [problem.text for problem in mount_problems("a.service", properties)] == [
        f"a.service: {kind} {own} /usr/lib/libkeepalive is not; take the entry out, or bind the folder there with "
        "BindReadOnlyPaths=-/usr/lib/libkeepalive"
        for kind in kinds
    ]
    assert [problem.text for problem in host_wide_problems("a.service", None, NO_FILES, properties)] == [
        f"a.service: {kind} {own} another /etc/ld.so.preload counts; take the entry out" for kind in kinds
    ]


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ({"kind": "missing"}, "missing; the library of this host cannot be loaded into it"),
        ({"kind": "foreign", "detail": "of another machine"}, "of another machine; the library of this host cannot"),
    ],
)
def test_a_program_that_cannot_be_loaded_into_is_named_by_what_is_known_of_it(
    program: t.Dict[str, t.Any], text: str
) -> None:
    (problem,) = executable_problems("a.service", ORDINARY._replace(**program))
    assert problem.text.startswith(f"a.service: /opt/run: {text}")
    (wide,) = host_wide_problems("a.service", ORDINARY._replace(**program), NO_FILES, {})
    assert wide == problem
