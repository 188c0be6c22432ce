# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it, on a real folder: check mode, diff, idempotence, and the way back."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.action.service_dropins import NOTHING_TO_DO
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.linux.files import NotPutBack
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import dropins as rollout_dropins
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import lock
from ansible_collections.netops.keepalive.plugins.modules import service_dropins

Result = t.Dict[str, t.Any]
Run = t.Callable[..., Result]
Files = t.Dict[str, t.Tuple[int, int, bytes]]

MARKER = "# Managed by netops.keepalive"
NAME = "zz-keepalive.conf"
FOREIGN = "[Service]\nEnvironment=A=1\n"


def text(value: int) -> str:
    return f"{MARKER}: x\n[Service]\nEnvironment=TCP_KEEPIDLE={value}\n"


@pytest.fixture(name="run")
def run_fixture(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(check: bool = False, **arguments: t.Any) -> Result:
        arguments = {"directory": str(tmp_path), "_ansible_check_mode": check, "_ansible_diff": True, **arguments}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            service_dropins.main()
        answer = json.loads(capsys.readouterr().out)
        assert isinstance(answer, dict)
        return answer

    return run


def put(folder: pathlib.Path, unit: str, content: str, name: str = NAME) -> pathlib.Path:
    path = folder / f"{unit}.d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(123_456_789, 123_456_789))
    return path


def files(folder: pathlib.Path) -> Files:
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns if path.is_file() else 0,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def noted(folder: pathlib.Path, unit: str) -> t.List[t.Tuple[t.Optional[str], bool]]:
    return [(version.text, version.read) for version in in_force.history(f"{folder}/{unit}.d/{NAME}").versions]


def wanted(**contents: t.Optional[str]) -> t.List[t.Dict[str, t.Optional[str]]]:
    return [{"unit": f"{name}.service", "content": content} for name, content in contents.items()]


def test_what_is_written_is_noted_as_what_systemd_has_yet_to_read(run: Run, tmp_path: pathlib.Path) -> None:
    """With what was there before: whoever runs by now was started with that."""
    put(tmp_path, "b.service", text(1))
    run(check=True, dropins=wanted(a=text(1), b=text(2)))
    assert noted(tmp_path, "b.service") == []
    run(dropins=wanted(a=text(1), b=text(2)))
    run(dropins=wanted(a=text(1), b=text(2)))
    assert noted(tmp_path, "a.service") == [(None, True), (text(1), False)]
    assert noted(tmp_path, "b.service") == [(text(1), True), (text(2), False)]
    run(dropins=[], purge=True)
    assert noted(tmp_path, "a.service") == [(None, True), (text(1), False), (None, False)]


def test_written_once_and_then_left_alone(run: Run, tmp_path: pathlib.Path) -> None:
    result = run(dropins=wanted(a=text(1), b=text(2)))
    assert (result["changed"], result["changed_units"]) == (True, ["a.service", "b.service"])
    assert (tmp_path / "b.service.d" / NAME).read_text() == text(2)
    assert oct((tmp_path / "b.service.d" / NAME).stat().st_mode) == "0o100644"
    before = files(tmp_path)
    again = run(dropins=wanted(a=text(1), b=text(2)))
    del again["invocation"]
    assert again == NOTHING_TO_DO, "what the action says where it does not ask"
    assert files(tmp_path) == before
    assert run(dropins=wanted(a=text(1), b=text(3)))["changed_units"] == ["b.service"]


def test_check_mode_tells_the_same_and_writes_nothing(run: Run, tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service", text(1))
    put(tmp_path, "b.service", text(2))
    before = files(tmp_path)
    changes = wanted(a=text(9), b=None, c=text(3))
    foretold = run(check=True, dropins=changes)
    assert files(tmp_path) == before
    done = run(dropins=changes)
    assert files(tmp_path) != before
    for key in ("changed", "changed_units", "previous", "diff"):
        assert foretold[key] == done[key], key


def test_the_diff_shows_each_file_whole(run: Run, tmp_path: pathlib.Path) -> None:
    put(tmp_path, "b.service", text(2))
    result = run(check=True, dropins=wanted(a=text(1), b=None))
    a, b = f"{tmp_path}/a.service.d/{NAME}", f"{tmp_path}/b.service.d/{NAME}"
    assert result["diff"] == [
        {"before_header": a, "after_header": a, "before": "", "after": text(1)},
        {"before_header": b, "after_header": b, "before": text(2), "after": ""},
    ]


def test_previous_takes_everything_back_byte_for_byte(run: Run, tmp_path: pathlib.Path) -> None:
    """Files that were there, with their times; files and folders that were not; foreign ones beside them."""
    put(tmp_path, "a.service", text(1) + "\udcff\r\n".encode("utf-8", "surrogateescape").decode("latin-1"))
    put(tmp_path, "b.service", text(2))
    put(tmp_path, "c.service", FOREIGN, "other.conf")
    before = files(tmp_path)
    previous = run(dropins=wanted(a=text(9), b=None, c=text(3), d=text(4)))["previous"]
    assert [(entry["unit"], entry["content"] is None, entry["mtime_ns"]) for entry in previous] == [
        ("a.service", True, 123_456_789),  # in Base64: what is not printable does not go out as it is
        ("b.service", False, 123_456_789),
        ("c.service", True, None),
        ("d.service", True, None),
    ]
    assert run(dropins=previous)["changed_units"] == ["a.service", "b.service", "c.service", "d.service"]
    assert files(tmp_path) == before
    assert run(dropins=previous)["changed"] is False


def test_previous_survives_json_with_bytes_that_are_no_text(run: Run, tmp_path: pathlib.Path) -> None:
    path = put(tmp_path, "a.service", text(1))
    path.write_bytes(path.read_bytes() + b"# \xff\r\n")
    before = path.read_bytes()
    previous = run(dropins=wanted(a=text(9)))["previous"]
    run(dropins=previous)
    assert path.read_bytes() == before


HOSTILE = "\x1b[2J\x1b]52;c;cm0K\x07\r\u202e\u2028\x85"


def test_a_drop_in_that_holds_escapes_goes_back_to_the_byte_and_is_shown_without(
    run: Run, tmp_path: pathlib.Path
) -> None:
    path = put(tmp_path, "a.service", text(1) + f"# {HOSTILE}\n")
    before = path.read_bytes()
    answer = run(dropins=wanted(a=text(9)))
    for shown in (answer["diff"][0]["before"], json.dumps(answer["previous"], ensure_ascii=False)):
        assert not set(shown) & set(HOSTILE) - set("[2J]52;c;cm0K")
    assert answer["diff"][0]["before"].endswith("# \\x1b[2J\\x1b]52;c;cm0K\\x07\\x0d\\u202e\\u2028\\x85\n")
    run(dropins=answer["previous"])
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["../../../tmp/x.service", "", "a/b.service", "x.foo", "@.service", "*.service"])
def test_what_is_no_unit_is_written_nowhere(run: Run, tmp_path: pathlib.Path, name: str) -> None:
    place = tmp_path / "one" / "two"
    place.mkdir(parents=True)
    answer = run(directory=str(place), dropins=[{"unit": "a.service", "content": text(1)}, {"unit": name}])
    assert answer["msg"] == f"nothing was done: dropins[1].unit: {name_problem(name)}"
    run(directory=str(place), dropins=[{"unit": name, "content": text(1)}])
    assert sorted(tmp_path.rglob("*")) == [place.parent, place]


def test_purge_goes_through_a_folder_that_is_a_link(run: Run, tmp_path: pathlib.Path) -> None:
    (real := tmp_path / "config").mkdir()
    (units := tmp_path / "units").mkdir()
    (units / "a.service.d").symlink_to(real)
    (real / NAME).write_text(text(60))
    result = run(dropins=[], purge=True, directory=str(units))
    assert result["changed_units"] == ["a.service"] and list(real.iterdir()) == []
    assert run(dropins=result["previous"], directory=str(units))["changed"]
    assert (real / NAME).read_text() == text(60) and (units / "a.service.d").is_symlink()


def test_nothing_is_written_through_a_link_into_what_others_may_change(run: Run, tmp_path: pathlib.Path) -> None:
    (real := tmp_path / "config").mkdir()
    real.chmod(0o777)
    (units := tmp_path / "units").mkdir()
    (link := units / "a.service.d").symlink_to(real)
    dropins = [{"unit": "a.service", "content": text(60)}]
    (problem,) = run(dropins=dropins, directory=str(units))["problems"]
    assert problem.startswith(f"a.service: {link} is a link, and {real} ")
    assert problem.endswith("; make it a folder that only root can change")
    assert list(real.iterdir()) == []
    real.chmod(0o755)
    assert run(dropins=dropins, directory=str(units))["changed"]


def test_what_could_not_be_put_back_is_said(run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_changes: t.Any) -> None:
        raise NotPutBack(5, "Input/output error", "/etc/x")

    monkeypatch.setattr(rollout_dropins, "apply_changes", fail)
    result = run(dropins=[{"unit": "a.service", "content": text(60)}])
    assert result["msg"] == (
        "writing the drop-ins failed, and /etc/x could not be put back: Input/output error; the others are as before"
    )


def test_purge_removes_ours_everywhere_and_nothing_else(run: Run, tmp_path: pathlib.Path) -> None:
    for unit in ("a.service", "b.service", "c.socket"):
        put(tmp_path, unit, text(1))
    put(tmp_path, "b.service", FOREIGN, "other.conf")
    put(tmp_path, "f.service", FOREIGN)
    (tmp_path / "empty.service.d").mkdir()
    assert run(dropins=wanted(a=text(1)))["changed"] is False, "what is not listed stays without purge"
    result = run(dropins=wanted(a=text(1)), purge=True)
    assert result["changed_units"] == ["b.service", "c.socket"]
    assert sorted(files(tmp_path)) == [
        "a.service.d", f"a.service.d/{NAME}", "b.service.d", "b.service.d/other.conf", "empty.service.d",
        "f.service.d", f"f.service.d/{NAME}",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [text(1), None])
def test_a_file_of_our_name_that_is_not_ours_stops_everything(
    run: Run, tmp_path: pathlib.Path, content: t.Optional[str]
) -> None:
    path = put(tmp_path, "b.service", FOREIGN)
    before = files(tmp_path)
    result = run(dropins=wanted(a=text(1), b=content))
    assert result["failed"] is True
    not_ours = f"{path} is not ours (its first line is not '{MARKER}…'): rename or remove it"
    assert result["msg"] == f"no drop-in was written: b.service: {not_ours}"
    assert files(tmp_path) == before


def test_a_text_that_could_not_be_told_from_others_is_refused(run: Run, tmp_path: pathlib.Path) -> None:
    """A template of the operator's own that forgot the marker."""
    result = run(dropins=wanted(a=text(1), b=FOREIGN))
    assert result["msg"] == (
        f"no drop-in was written: b.service: the text does not begin with '{MARKER}', it could never be removed again"
    )
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_made_leaves_everything_as_it_was(run: Run, tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service", text(1))
    (tmp_path / "b.service.d").write_text("a file where a folder should be")
    before = files(tmp_path)
    result = run(dropins=wanted(a=text(9), b=text(2)))
    assert result["failed"] is True
    assert result["msg"] == f"no drop-in was written, all are as before: File exists: {tmp_path}/b.service.d"
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: services, dropins"),
        ({"services": []}, "missing parameter(s) required by 'services': units"),
        ({"services": [], "units": {}}, "services is for the action plugin of this name"),
        ({"dropins": [{"content": "x"}]}, "missing required arguments: unit found in dropins"),
    ],
)
def test_wrong_parameters(run: Run, arguments: t.Dict[str, t.Any], message: str) -> None:
    result = run(**arguments)
    assert result["failed"] is True
    assert message in result["msg"]


ME = {"id": "me", "owner": "me on deploy1, process 8"}


def rollout(run: Run, folder: pathlib.Path, **arguments: t.Any) -> Result:
    return run(rollout=True, run=ME, state_folder=str(folder / "state"), **arguments)


@pytest.fixture(name="units")
def units_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setattr(lock, "FOLDER", str(tmp_path / "run"))
    folder = tmp_path / "units"
    folder.mkdir()
    return folder


def test_the_run_after_an_interrupted_one_knows_what_to_put_back(
    run: Run, tmp_path: pathlib.Path, units: pathlib.Path
) -> None:
    put(units, "a.service", text(1))
    rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(2), b=text(2)), running=["a.service"])
    again = rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(2), b=text(2)))
    assert again["changed"] is False
    assert again["unfinished"] == {"a.service": True, "b.service": False}
    before = {row["unit"]: (row["content"], row["mtime_ns"]) for row in again["previous"]}
    assert before == {"a.service": (text(1), 123_456_789), "b.service": (None, None)}
    rollout(run, tmp_path, directory=str(units), dropins=again["previous"])
    assert list(files(units)) == ["a.service.d", f"a.service.d/{NAME}"]
    assert files(units)[f"a.service.d/{NAME}"][1:] == (123_456_789, text(1).encode())


def test_units_of_which_a_run_does_not_speak_are_left_to_another(
    run: Run, tmp_path: pathlib.Path, units: pathlib.Path
) -> None:
    """Nobody says there whether they may be restarted: 'restart: never' stands in the entry that is not listed."""
    put(units, "a.service", text(1))
    rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(2), b=text(1)), running=["a.service"])
    other = {"directory": str(units), "listed": ["b.service"]}
    second = rollout(run, tmp_path, dropins=wanted(b=text(2)), **other)
    assert second["unfinished"] == {"b.service": False}
    assert [row["unit"] for row in second["previous"]] == ["b.service"]
    rollout(run, tmp_path, dropins=second["previous"], **other)
    assert (units / "a.service.d" / NAME).read_text() == text(2)
    third = rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(2)), listed=["a.service"])
    assert [(row["unit"], row["content"]) for row in third["previous"]] == [("a.service", text(1))]


def test_a_third_value_goes_back_to_what_the_processes_have(
    run: Run, tmp_path: pathlib.Path, units: pathlib.Path
) -> None:
    """Written but never in force: the first. Restarted with it by hand since: the second."""
    put(units, "a.service", text(1))
    put(units, "b.service", text(1))
    both = {"directory": str(units)}
    rollout(run, tmp_path, dropins=wanted(a=text(2), b=text(2)), **both)
    third = rollout(run, tmp_path, dropins=wanted(a=text(3), b=text(3)), fresh=["b.service"], **both)
    assert {row["unit"]: row["content"] for row in third["previous"]} == {"a.service": text(1), "b.service": text(2)}


def test_a_step_of_its_own_leaves_nothing_behind(run: Run, tmp_path: pathlib.Path, units: pathlib.Path) -> None:
    result = run(directory=str(units), run=ME, state_folder=str(tmp_path / "state"), dropins=wanted(a=text(1)))
    assert (result["lock_held"], (tmp_path / "state").exists()) == (False, False)
    assert (tmp_path / "run" / lock.NAME).read_text() == ""


def test_check_mode_of_a_rollout_keeps_and_locks_nothing(run: Run, tmp_path: pathlib.Path, units: pathlib.Path) -> None:
    assert rollout(run, tmp_path, check=True, directory=str(units), dropins=wanted(a=text(1)))["changed"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["units"]


def test_nothing_is_written_while_another_run_has_the_host(
    run: Run, tmp_path: pathlib.Path, units: pathlib.Path
) -> None:
    rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(1)))
    other = run(rollout=True, run={"id": "x", "owner": "x"}, directory=str(units), dropins=wanted(a=text(2)))
    assert other["msg"].startswith(
        "no drop-in was written: another run is changing this host: me on deploy1, process 8"
    )
    assert other["lock_holder"]["id"] == "me"
    assert (units / "a.service.d" / NAME).read_text() == text(1)


def test_where_nothing_can_be_written_nothing_is_noted(run: Run, tmp_path: pathlib.Path, units: pathlib.Path) -> None:
    (units / "a.service.d").write_text("no folder")
    result = rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(1)))
    assert result["msg"].startswith("no drop-in was written, all are as before: ")
    assert not (tmp_path / "state").exists()


def test_a_damaged_record_is_told_and_the_rollout_goes_on(
    run: Run, tmp_path: pathlib.Path, units: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: t.List[str] = []
    monkeypatch.setattr(service_dropins.Module, "warn", lambda self, text: warnings.append(text))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "previous.json").write_text("[" * 100_000)
    result = rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(1)))
    (warning,) = warnings
    assert warning.startswith(
        f"{state}/previous.json is nested too deeply; it was not believed: what the drop-ins said"
    )
    assert (result["changed"], result["unfinished"]) == (True, {})
    again = rollout(run, tmp_path, directory=str(units), dropins=wanted(a=text(1)))
    assert (len(warnings), again["unfinished"]) == (1, {"a.service": False})


def test_where_it_cannot_be_read_whether_a_drop_in_is_ours_nothing_is_purged(run: Run, tmp_path: pathlib.Path) -> None:
    put(tmp_path, "a.service", text(1))
    obstacle = tmp_path / "b.service.d" / NAME
    obstacle.mkdir(parents=True)
    result = run(dropins=[], purge=True)
    assert result["msg"] == f"no drop-in was written, all are as before: not a regular file: {obstacle}"
    assert (tmp_path / "a.service.d" / NAME).exists()
