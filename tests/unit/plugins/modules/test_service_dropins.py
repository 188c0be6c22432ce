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
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
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


def wanted(**contents: t.Optional[str]) -> t.List[t.Dict[str, t.Optional[str]]]:
    return [{"unit": f"{name}.service", "content": content} for name, content in contents.items()]


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
