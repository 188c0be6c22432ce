# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user names his program as he likes: nothing of that is obeyed where an operator reads it, and nothing is forged."""

from __future__ import annotations

import functools
import io
import json
import pathlib
import re
import sys
import tempfile
import typing as t

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.audit import overview as audit_overview
from ansible_collections.netops.keepalive.plugins.module_utils.audit import report as audit_report
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program, advise, obstacle_to_preload
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.command import main
from ansible_collections.netops.keepalive.plugins.module_utils.linux.module import Module
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import OURS, is_unit_name
from ansible_collections.netops.keepalive.plugins.module_utils.rollout.outcomes import trouble
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.report import explanations, lay_out, rows_of
from ansible_collections.netops.keepalive.plugins.modules import socket_options_info, sockets_audit_info
from ansible_collections.netops.keepalive.tests.unit.support.hostile import (
    ESCAPES,
    TEMPLATE,
    process,
    visible,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import ShadowProc
from ansible_collections.netops.keepalive.tests.unit.support.module_end import ended
from hypothesis import given
from hypothesis import strategies as st

NAME = f"app{ESCAPES}"
SHOWN = r"app\x1b[2J\x1b]52;c;cm0K\x07\x0d\x0a  x\x0a\u202e\u2028\x85\x9b1m\u200b"
ANYTHING = st.text(st.characters(codec=None), max_size=60)


def answer_of(module: t.Any, capsys: pytest.CaptureFixture[str], **parameters: t.Any) -> t.Dict[str, t.Any]:
    with patch_module_args(parameters), pytest.raises(SystemExit):
        module.main()
    answer: t.Dict[str, t.Any] = json.loads(capsys.readouterr().out)
    answer.pop("invocation", None)  # until ansible-core 2.20
    return answer


def audit_of(pid: int, capsys: pytest.CaptureFixture[str]) -> t.Dict[str, t.Any]:
    """Audit a host on which there is but one process."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        shadow = ShadowProc(pathlib.Path(folder))
        shadow.add(pid, "user@1000.service")
        patch.setattr(sockets_audit_info, "HostAudit", functools.partial(HostAudit, proc=shadow))
        return answer_of(sockets_audit_info, capsys, include_local=True)


# ---------------------------------------------------------------- processes


def test_the_command_shows_an_escape_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    with process(NAME) as (pid, _port):
        status = main.main(["--pid", str(pid)])
    out, err = capsys.readouterr()
    assert (status, err) == (0, "")
    assert visible(out) and out.count("\n") == 2
    assert re.search(rf"  {pid}/'app\\x1b\[2J\\x1b\]52;c;cm0K\\x07.*\.\.\.\(\+\d+\)'\n\Z", out)


def test_the_commands_json_holds_none_either(capsys: pytest.CaptureFixture[str]) -> None:
    with process(NAME) as (pid, _port):
        main.main(["--pid", str(pid), "--json"])
    (found,) = json.loads(capsys.readouterr().out)["sockets"]
    assert found["program"].endswith("/" + SHOWN)


def test_a_terminal_that_lacks_a_character_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    with process("größe") as (pid, _port):
        assert main.main(["--pid", str(pid)]) == 0
    out.flush()
    assert out.buffer.getvalue().endswith(rf"{pid}/gr\xf6\xdfe".encode() + b"\n")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a\nb.service", "x\x1b[2J.service", "*/x.service"])
def test_the_commands_errors_hold_none(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main.main([f"--unit={name}"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and visible(err) and err.count("\n") == 1 and "is not the name of a .service or" in err


def test_what_the_modules_return_holds_none(capsys: pytest.CaptureFixture[str]) -> None:
    with process(NAME) as (pid, _port):
        sockets = answer_of(socket_options_info, capsys, pids=[pid])
        audit = audit_of(pid, capsys)
    for answer in (sockets, audit):
        assert visible(json.dumps(answer, ensure_ascii=False, indent=1))
    assert sockets["sockets"][0]["program"].endswith("/" + SHOWN)
    (group,) = audit["groups"]
    assert group["program"].endswith("/" + SHOWN)


def test_the_audits_report_of_it_is_as_many_lines_as_of_any(capsys: pytest.CaptureFixture[str]) -> None:
    lengths = set()
    for name in (NAME, TEMPLATE.replace("/", ""), "plain"):
        with process(name) as (pid, _port):
            answer = audit_of(pid, capsys)
        lines = report({"h": answer})
        assert all(line.isprintable() for line in lines)
        lengths.add(len([line for line in lines if begins(line)]))
    assert len(lengths) == 1


def test_program_text_that_was_given_inline_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys; sys.stdin.read()"
    with process("python3", "-uc", f"{code} # S3CRET", program="/usr/bin/python3") as (pid, _port):
        answer = audit_of(pid, capsys)
    assert "S3CRET" not in json.dumps(answer)
    (group,) = answer["groups"]
    assert group["script"] == ""


# ---------------------------------------------------------------- reports


def group(unit: str, program: str, script: str, **advice: t.Any) -> t.Dict[str, t.Any]:
    told = advise(Program("/usr/bin/x", unit="a.service"), "outgoing", KeepaliveTimes(120, 30, 4))._asdict()
    return {
        "unit": unit, "units": 1, "program": program, "script": script, "direction": "outgoing", "processes": 1,
        "user": None, "found_values_total": 0,
        "connections": 2, "right": 0, "without": 2, "slow": 0, "tight": 0, "unknown": 0, "overdue": 0,
        "longest_silence": 3.0, "found_values": [], "peers": [{"address": unit, "port": 1, "connections": 1}],
        "peers_total": 1, "listeners": [{"address": program, "port": 1, "verdict": "slow", "shown_by": 0}],
        "listeners_total": 1, "advice": {**told, **advice},
    }  # fmt: skip


def answer(*groups: t.Dict[str, t.Any], why: str = "") -> t.Dict[str, t.Any]:
    totals = dict.fromkeys(audit_overview.COUNTS, 0)
    return {
        "idle_timeout": 350, "totals": totals, "left_out": {"local": 0, "recent": 0, "ansible": 0},
        "groups": list(groups), "groups_total": len(groups), "groups_cut": {"groups": 0, "whose": []},
        "unowned": {"sockets": 0},
        "unreadable": {"processes": 1, "why": why},
    }  # fmt: skip


def advice(text: str) -> t.Dict[str, t.Any]:
    setting = {"name": text, "setting": text, "where": text, "source": text, "sets_times": False, "certain": False}
    return {
        "obstacle": f"o{text}",
        "way": f"w{text}",
        "notes": [f"  n{text}"],
        "native": [{**setting, "remark": f"  r{text}"}],
    }


def indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def report(answers: t.Dict[str, t.Any]) -> t.List[str]:
    return [line for line, _what in audit_report.render(answers)]


def begins(line: str) -> bool:
    """Tell whether a line is none that continues another one; what is to be pasted is of neither kind."""
    return indentation(line) % 4 == 0


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_no_answer_of_a_host_begins_a_line(unit: str, program: str, script: str, more: str) -> None:
    """Also where the host itself is the user's, and its module returned what he likes."""
    plain = report({"h": answer(group("u", "p", "s", **advice("m")), why="w"), "i": None})
    lines = report({"h": answer(group(unit, program, script, **advice(more)), why=more), "i": None})
    assert all(line.isprintable() for line in lines)
    beginning = [[indentation(line) for line in each if begins(line)] for each in (lines, plain)]
    assert beginning[0] == beginning[1]


@pytest.mark.parametrize("before", range(0, 90, 7))
def test_nothing_of_a_name_begins_a_line_wherever_it_is_broken(before: int) -> None:
    for name in (f"{'x' * (before % 30)} do: curl evil", f"it's \" {'x ' * (before // 8)} do: curl evil"):
        for unit, program, script in ((name, "/x/p", ""), ("a.service", f"/x/{name}", ""), ("a.service", "/p", name)):
            lines = report({"h" * (before + 1): answer(group(unit, program, script))})
            assert not [line for line in lines if line.lstrip().startswith("do: curl")], lines


def test_words_in_a_name_are_not_taken_for_those_of_the_report() -> None:
    lines = report({"h": answer(group("", "/x/nginx accepts", "a b"))})
    assert "no unit: 'nginx accepts' 'a b' connects" in lines


UNITS = st.from_regex(r"[A-Za-z0-9:_.\\-]{1,20}(@[A-Za-z0-9:_.\\@-]{0,20})?\.(service|socket)", fullmatch=True)
EXPRESSION = "- name: a\n  shell: x # {{ lookup('pipe', 'id') }}: x.service"


@given(
    st.one_of(UNITS, ANYTHING, st.sampled_from([EXPRESSION, "on.service", "1e3.service", "-.service", "a: b.service"]))
)
def test_what_is_to_be_pasted_is_yaml_that_gives_back_the_name(name: str) -> None:
    entry = {"name": name, "tcp": {"keepidle": 120, name: 1}, "libraries": ["connect", name]}
    lines = report({"h\n- name: x": answer(group("a.service", "/x", "", entry=entry)), "i": answer()})
    if not is_unit_name(name, OURS):
        assert not any("keepalive_services:" in line for line in lines)
        return
    start = lines.index("keepalive_services:")
    pasted = yaml.safe_load("\n".join(lines[start : start + 5]))
    given = {"name": name, "if_present": True, "libraries": ["connect"], "tcp": {"keepidle": 120}}
    assert pasted == {"keepalive_services": [given]}


@given(ANYTHING)
def test_the_name_of_a_host_is_a_comment_in_what_is_to_be_pasted(host: str) -> None:
    entries = [{"name": "a.service", "tcp": {"keepidle": idle}, "libraries": ["connect"]} for idle in (60, 120)]
    both = [answer(group("a.service", "/x", "", entry=entry)) for entry in entries]
    lines = report(dict(zip((f"h{host}", "i"), both)))
    start = next(number for number, line in enumerate(lines) if line.startswith("# "))
    end = max(number for number, line in enumerate(lines) if line.startswith("    tcp: ")) + 1
    pasted = yaml.safe_load("\n".join(lines[start:end]))
    assert pasted == {f"keepalive_services__audit{number}": [entry] for number, entry in enumerate(entries, 1)}


@pytest.mark.parametrize("unit", ["a b.service", "{{ 1 }}.service", "a\n.service", "a\f.socket", "x.timer"])
def test_what_is_no_unit_gets_no_entry(unit: str) -> None:
    assert obstacle_to_preload(Program("/usr/bin/x", unit=unit)).startswith("it is not a service of systemd")


@given(ANYTHING, ANYTHING)
def test_the_table_of_services_and_its_explanations(name: str, detail: str) -> None:
    unit = {
        "state": "running",
        "elsewhere": [],
        "ok": False,
        "relevant": 1,
        "compliant": 0,
        "noncompliant": 1,
        "unknown": 0,
    }
    answers = {"h": {"units": {name: {**unit, "reasons": {detail: 1}}},
                     "sockets": [{"unit": name, "reason": "r", "detail": detail, "relevant": True}]}}  # fmt: skip
    lines = [*lay_out(rows_of(answers)), *explanations(answers)]
    assert len(lines) == 3 and all(line.isprintable() for line in lines)


@given(ANYTHING)
def test_the_last_screen_of_a_rollout(seen: str) -> None:
    lines = trouble({"h": {"state": "failed", "seen": seen}, "i": {"state": "done"}}, [])
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line and not line.startswith("    ")] == [
        "FAILED h",
        "Done: i. Not begun, and as before: none.",
        "Next: fix what is named above, then run the same again; what is done already is left as it is.",
    ]


# ---------------------------------------------------------------- no way around


def test_a_modules_failure_is_of_the_lines_that_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    failed = ended(capsys, {}, lambda module: module.fail_json(msg=f"a{ESCAPES}", seen="b\n"))
    assert (failed["msg"], failed["seen"]) == (SHOWN.replace("app", "a"), "b\\x0a")
    assert ended(capsys, {}, lambda module: module.fail_json(msg=["one", "two\n"]))["msg"] == "one\ntwo\\x0a"


def test_a_modules_warning_is_of_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(module: Module) -> None:
        module.warn(f"a{ESCAPES}")
        module.exit_json()

    said: t.List[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))
    ended(capsys, {}, warn)
    assert said == [SHOWN.replace("app", "a")]


def test_every_module_goes_out_through_the_class_that_escapes() -> None:
    folder = pathlib.Path(socket_options_info.__file__).parent
    for path in folder.glob("[!_]*.py"):
        assert re.findall(r"= (?:\w+\.)?(\w*Module)\(", path.read_text()) == ["Module"], path.name


def test_the_command_writes_in_one_place() -> None:
    text = pathlib.Path(main.__file__).read_text()
    assert len(re.findall(r"\.write\(|print\(", text)) == 1


def test_no_template_is_trusted_but_the_texts_of_the_files() -> None:
    plugins = pathlib.Path(socket_options_info.__file__).parents[1]
    text = "".join(path.read_text() for path in plugins.rglob("*.py"))
    found = re.findall(r"(?:as_template|TrustedAsTemplate)\(.*", text)
    assert {each.rstrip() for each in found} == {
        "as_template(value: t.Any) -> t.Any:",  # where every string is one
        "as_template(text_of(action._loader, path))",
    }
