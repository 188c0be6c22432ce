# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command asks, shows and complains of, for answers that are made up."""

from __future__ import annotations

import io
import json
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.enforce import Enforcement
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.reaching import PlacedProgram, Reaching
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import FOR_SETTING, FOR_SOCKETS
from ansible_collections.netops.keepalive.plugins.module_utils.command import main as command_main
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer, Question


def record(pid: int = 7, **more: t.Any) -> Record:
    values: t.Dict[str, t.Any] = {
        "inode": pid, "family": "ipv4", "protocol": "tcp", "state": "ESTABLISHED", "local": ("192.0.2.1", 40000),
        "remote": ("192.0.2.9", 5432), "keepalive": True, "options": dict.fromkeys(OPTIONS, 0), "readable": True,
        "idle": 12.7, "namespace": None, "holders": (Holder(pid, 5),), "program": "/usr/bin/a", "unit": "a.service",
        "direction": "outgoing",
    }  # fmt: skip
    return Record(**{**values, **more})


class Programs:
    """What runs for which unit."""

    def __init__(self, found: t.Mapping[str, t.Any], possible: bool = True) -> None:
        self._found, self.possible = found, possible

    def of(self, unit: str) -> t.Any:
        return self._found.get(unit, Reaching(f"/sys/fs/cgroup/{unit}"))


class Host:
    """A host with these sockets; it remembers what it was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.answer = Answer([record()], {}, {}, {})
        self.errors: t.List[Exception] = []
        self.asked: t.List[Question] = []
        self.there = [7, 8]
        self.programs: t.Any = Programs({})
        self._capsys = capsys
        host = self

        class FakeAudit:
            def __init__(self, question: Question, _reader: t.Any, **_more: t.Any) -> None:
                host.asked.append(question)

            @property
            def programs(self) -> t.Any:
                return host.programs

            def run(self) -> Answer:
                for error in host.errors:
                    raise error
                return host.answer

        class FakeProc:
            def pids(self) -> t.List[int]:
                return host.there

        self.proc: t.Any = FakeProc()
        monkeypatch.setattr(command_main, "Audit", FakeAudit)

    def run(self, *arguments: str) -> t.Tuple[int, str, t.List[str]]:
        status = command_main.main(arguments, self.proc)
        captured = self._capsys.readouterr()
        assert all(line.startswith("keepalive-sockets: ") for line in captured.err.splitlines())
        return status, captured.out, [line.split(": ", 1)[1] for line in captured.err.splitlines()]


@pytest.fixture(name="host")
def host_fixture(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(monkeypatch, capsys)


def test_what_is_asked_of_the_host(host: Host) -> None:
    assert host.run("-p", "7", "--pid", "8", "-P", "80", "--port", "81")[::2] == (0, [])
    assert host.run()[::2] == (0, [])
    assert host.asked == [
        Question((), frozenset((7, 8)), frozenset((80, 81)), ()), Question((), frozenset(), frozenset(), ()),
    ]  # fmt: skip


@pytest.mark.parametrize(("arguments", "columns"), [((), 12), (("--wide",), 16), (("-w",), 16)])
def test_the_table_is_wide_if_asked(host: Host, arguments: t.Sequence[str], columns: int) -> None:
    header, line = host.run(*arguments)[1].splitlines()
    assert (len(header.split()), line.split()[-1]) == (columns, "7/a")


def test_a_process_that_is_not_there_is_said_after_all_was_read(host: Host) -> None:
    assert host.run("--pid", "8", "--pid", "9") == (2, "", ["there is no process 9"])
    assert host.run("--pid", "2147483647")[2] == ["there is no process 2147483647"]


def test_what_the_kernel_refuses_is_no_traceback(host: Host) -> None:
    host.errors = [OSError(12, "Cannot allocate memory\x1b")]
    assert host.run() == (1, "", ["[Errno 12] Cannot allocate memory\\x1b"])


ROOT = "its descriptors are not shown to this user: run as root"


@pytest.mark.parametrize(
    ("unreadable", "values", "lines"),
    [
        ({}, [], []),
        ({9: f"{ROOT} (become: true)"}, [], [f"1 process not shown: {ROOT}"]),
        ({9: "b", 8: "a"}, [], ["2 processes not shown: a"]),
        ({}, ["x (root (become: true))"], ["1 socket without values: x (root)"]),
        ({}, ["x", "y", "y"], ["2 sockets without values: y", "1 socket without values: x"]),
        ({9: "b"}, ["x"], ["1 process not shown: b", "1 socket without values: x"]),
    ],
)  # fmt: skip
def test_what_is_not_shown_is_said_and_no_success(
    host: Host, unreadable: t.Dict[int, str], values: t.List[str], lines: t.List[str]
) -> None:
    records = [
        record(pid, readable=False, keepalive=None, options=dict.fromkeys(OPTIONS), why_unreadable=why)
        for pid, why in enumerate(values, 20)
    ]
    host.answer = host.answer._replace(unreadable=unreadable, records=[record(), *records])
    assert host.run()[::2] == (1 if lines else 0, lines)
    status, out, err = host.run("--json")
    found = json.loads(out)
    assert (status, err, found["not_shown"]) == (1 if lines else 0, lines, lines)
    assert [one["detail"] for one in found["sockets"]] == ["", *values]


def test_json_is_what_the_modules_give_out_with_what_the_table_has(host: Host) -> None:
    host.answer = host.answer._replace(records=[record(program="/\x1b"), record(8, idle=None)])
    status, out, err = host.run("-j")
    assert (status, err, out) == (0, [], json.dumps(json.loads(out), indent=2) + "\n")
    one, other = json.loads(out)["sockets"]
    assert one == {
        **record().as_dict(), "pids": [7], "program": "/\\x1b", "detail": "", "silent": 12.7,
        "local": {"address": "192.0.2.1", "port": 40000}, "remote": {"address": "192.0.2.9", "port": 5432},
    }  # fmt: skip
    assert (other["pid"], other["silent"]) == (8, None)


def test_what_nobody_holds_is_said_only_where_all_processes_are_seen(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_main, "sum_up_unowned", lambda rows: rows)
    monkeypatch.setattr(command_main, "of_nobody", lambda rows: [f"nobody: {rows}"])
    monkeypatch.setattr(command_main, "SILENT", {9: ""})
    host.answer = host.answer._replace(unowned=t.cast(t.Any, "rows"))
    assert host.run()[::2] == (0, ["nobody: rows"])
    host.answer = host.answer._replace(unreadable={9: "silent"})
    assert host.run()[::2] == (1, ["1 process not shown: silent", "nobody: rows"])
    host.answer = host.answer._replace(unreadable={9: "silent", 10: "b"})
    assert host.run()[::2] == (1, ["2 processes not shown: silent"])


@pytest.fixture(name="units")
def units_fixture(host: Host, monkeypatch: pytest.MonkeyPatch) -> t.Dict[str, t.Dict[str, str]]:
    """What systemd says of units."""
    known: t.Dict[str, t.Dict[str, str]] = {}

    def show(_run: t.Any, names: t.Sequence[str]) -> t.Dict[str, t.Dict[str, str]]:
        return {name: known[name] for name in names}

    assert host.asked == []
    monkeypatch.setattr(systemd, "show", show)
    return known


def test_units_are_asked_once_with_their_full_names(host: Host, units: t.Dict[str, t.Dict[str, str]]) -> None:
    for name in ("a.service", "b.socket", "c.d.service"):
        units[name] = {"Id": name, "LoadState": "loaded", "ActiveState": "active"}
    state = {"state": "running", "elsewhere": [], "pids": [7]}
    names = ["a.service", "b.socket", "c.d.service", "w@.service"]
    host.answer = host.answer._replace(units=dict.fromkeys(names, state))
    words = [word for name in ("a", "b.socket", "a", "c.d", "w@") for word in ("-u", name)]
    assert host.run(*words)[::2] == (0, [])
    assert [unit.name for unit in t.cast(t.Sequence[AskedUnit], host.asked[0].units)] == names
    host.answer.units["w@.service"] = {"state": "running", "elsewhere": [], "pids": []}
    host.answer.units["a.service"] = {"state": "stopped", "elsewhere": [], "pids": []}
    assert host.run("-u", "a")[::2] == (0, ["a.service: not running"])
    assert host.run("-u", "w@") == (2, "", ["no running unit matches w@.service"])


def test_units_that_cannot_be_meant(
    host: Host, units: t.Dict[str, t.Dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    units["a.service"] = {"Id": "a.service", "LoadState": "not-found", "ActiveState": "inactive"}
    assert host.run("-u", "a") == (2, "", ["there is no unit a.service"])
    status, out, (line,) = host.run("-u", "a/b")
    assert (status, out) == (2, "") and line.startswith("--unit: 'a/b.service' is not the name of a")

    def fail(*_arguments: t.Any) -> t.Any:
        raise systemd.SystemdError("systemctl show failed")

    monkeypatch.setattr(systemd, "show", fail)
    assert host.run("-u", "a") == (2, "", ["systemctl show failed"])
    assert host.asked == [], "nothing was read"


@pytest.mark.parametrize(
    ("read", "good", "bad", "said"),
    [
        (command_main._pid, {"1": 1, "9999999999": 9999999999}, ["0", "10000000000", "-1", "", "1 ", "01"],
         "{!r} is not the number of a process, such as 812"),
        (command_main._port, {"1": 1, "65535": 65535}, ["0", "65536", "100000", "", "http", "080"],
         "{!r} is not a port from 1 to 65535"),
    ],
)  # fmt: skip
def test_numbers_are_told_from_what_is_none(
    read: t.Callable[[str], int], good: t.Dict[str, int], bad: t.List[str], said: str
) -> None:
    assert {text: read(text) for text in good} == good
    for text in bad:
        with pytest.raises(command_main.argparse.ArgumentTypeError) as error:
            read(text)
        assert str(error.value) == said.format(text)


def test_what_a_terminal_lacks_is_written_in_other_words() -> None:
    for encoding, shown in (("ascii", b"\\xe9\\udcff\n"), ("utf-8", "é\\udcff\n".encode())):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding)
        command_main._write(stream, ["é\udcff"])
        stream.flush()
        assert raw.getvalue() == shown
    plain = io.StringIO()
    command_main._write(plain, ["é", "b"])
    assert plain.getvalue() == "é\nb\n"
    assert command_main._complaint("é\x1b") == b"keepalive-sockets: \\xe9\\x1b\n"


def test_the_help_is_laid_out_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = command_main._parser().format_help().splitlines()
    assert lines[0].startswith("usage: keepalive-sockets [-h] [--unit U] [--pid P] [--port N] [--wide] [--width N]")
    assert lines[2:4] == [
        "Show the TCP sockets of this host with the values of their options. Changes nothing.",
        "Without a selection: all. --unit and --pid add up, --port narrows.",
    ]
    assert lines[-4:] == [
        "  keepalive-sockets --unit nginx.service", "  keepalive-sockets --unit 'worker@*.service' --json",
        "  keepalive-sockets --port 5432", "  keepalive-sockets --check",
    ]  # fmt: skip
    for said in (
        "a systemd unit, a template or a pattern", "a process", "only with this port, on either end",
        "also SYNCNT, DEFER_ACCEPT, MAXSEG and WINDOW_CLAMP", "everything, as JSON; null: not known",
    ):  # fmt: skip
        assert sum(line.endswith(f"  {said}") for line in lines) == 1


def test_the_arguments_are_those_of_the_command_line(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_main.sys, "argv", ["keepalive-sockets", "--pid", "9999999999", "--port", "80"])
    assert command_main.main() == 2, "no process of this host has such a number"
    assert host.asked == [Question((), frozenset((9999999999,)), frozenset((80,)), ())]


UNIT = "/sys/fs/cgroup/a.service"
SETS = BpfProgram(("connect",), {"keepidle": 60})
OURS = PlacedProgram(UNIT, FOR_SOCKETS, Attached(4, "keepalive_1", "", True, SETS), 2)
ENFORCING = PlacedProgram(UNIT, FOR_SETTING, Attached(5, "keepalive_1", "", True, Enforcement({"keepidle": 60})), 2)
CILIUM = PlacedProgram("/sys/fs/cgroup", FOR_SOCKETS, Attached(9, "cilium", "", False), 2)


def test_below_the_table_stands_whose_programs_set_options(host: Host) -> None:
    host.answer = Answer([record(), record(8, unit="b.service"), record(9, unit="")], {}, {}, {})
    found = {"a.service": Reaching(UNIT, (OURS, CILIUM, ENFORCING)), "b.service": Reaching("", (CILIUM,))}
    host.programs = Programs(found)
    status, out, errors = host.run()
    assert (status, errors) == (0, [])
    assert out.splitlines()[-5:] == [
        "",
        "BPF programs that run for these units' sockets:",
        "  foreign: cilium (id 9), attached to /sys/fs/cgroup",
        f"  ours: keepalive_1 (id 4), attached to {UNIT}: connect; keepidle 60",
        f"  ours: keepalive_1 (id 5), attached to {UNIT}: enforce; keepidle 60",
    ]
    ours = {"cgroup": UNIT, "name": "keepalive_1", "ours": True}
    assert json.loads(host.run("--json")[1])["programs"] == [
        {"cgroup": "/sys/fs/cgroup", "name": "cilium", "id": 9, "ours": False, "enforces": False, "sets": None},
        {**ours, "id": 4, "enforces": False, "sets": "connect; keepidle 60"},
        {**ours, "id": 5, "enforces": True, "sets": "enforce; keepidle 60"},
    ]


@pytest.mark.parametrize(
    ("possible", "said"), [(True, ["which BPF programs run is not known: not for you"]), (False, [])]
)
def test_what_is_not_known_is_said_once_and_only_where_there_can_be_programs(
    host: Host, possible: bool, said: t.List[str]
) -> None:
    host.answer = Answer([record(), record(8, unit="b.service")], {}, {}, {})
    host.programs = Programs({unit: Reaching("", (), "not for you") for unit in ("a.service", "b.service")}, possible)
    status, out, errors = host.run()
    assert (status, errors, "BPF" in out) == (0, said, False)
