# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""--check, --metrics and --facts: exit codes, files, and what a look that fails leaves behind."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command.main import main
from ansible_collections.netops.keepalive.plugins.module_utils.command.monitoring import Wanted, run_monitoring
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manual import MANUAL
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.monitor.found import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    HostFound,
    UnitFound,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.version import VERSION

Look = t.Callable[[Proc], HostFound]


def seeing(state: int) -> Look:
    return lambda _proc: HostFound([UnitFound("a.service", state, "why")])


def failing(_proc: Proc) -> HostFound:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("state", [OK, WARNING, CRITICAL, UNKNOWN])
def test_the_exit_code_of_a_check_is_the_state(state: int) -> None:
    status, out, errors = run_monitoring(Wanted(check=True), look=seeing(state))
    assert (status, errors) == (state, [])
    assert out[0].startswith(f"KEEPALIVE {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[state]} - ")


def test_a_check_that_fails_is_unknown() -> None:
    assert run_monitoring(Wanted(check=True), look=failing) == (
        UNKNOWN, ["KEEPALIVE UNKNOWN - the look failed: OSError: [Errno 5] Input/output error"], [],
    )  # fmt: skip


def test_files_are_written_whatever_was_found(tmp_path: pathlib.Path) -> None:
    wanted = Wanted(metrics=f"{tmp_path}/a.prom", facts=f"{tmp_path}/a.fact")
    assert run_monitoring(wanted, look=seeing(CRITICAL)) == (0, [], [])
    assert 'keepalive_unit_status{unit="a.service"} 2\n' in (tmp_path / "a.prom").read_text()
    assert json.loads((tmp_path / "a.fact").read_text())["units"]["a.service"]["state"] == "CRITICAL"


def test_after_a_look_that_fails_nothing_of_before_is_believed(tmp_path: pathlib.Path) -> None:
    wanted = Wanted(metrics=f"{tmp_path}/a.prom", facts=f"{tmp_path}/a.fact")
    run_monitoring(wanted, look=seeing(OK))
    assert run_monitoring(wanted, look=failing)[0] == 1
    text = (tmp_path / "a.prom").read_text()
    assert "keepalive_check_success 0\n" in text and "a.service" not in text and "timestamp" not in text
    assert json.loads((tmp_path / "a.fact").read_text())["state"] == "UNKNOWN"


def test_a_file_that_cannot_be_written_is_an_error_and_the_others_are_written(tmp_path: pathlib.Path) -> None:
    wanted = Wanted(metrics=f"{tmp_path}/nowhere/a.prom", facts=f"{tmp_path}/a.fact")
    status, out, (error,) = run_monitoring(wanted, look=seeing(OK))
    assert (status, out) == (1, [])
    assert error.startswith(f"{tmp_path}/nowhere/a.prom was not written: ") and "No such file" in error
    assert (tmp_path / "a.fact").exists()
    assert run_monitoring(wanted._replace(check=True), look=seeing(OK))[0] == UNKNOWN


def test_a_dash_is_standard_output() -> None:
    status, out, _errors = run_monitoring(Wanted(metrics="-"), look=seeing(OK))
    assert status == 0 and 'keepalive_unit_compliant{unit="a.service"} 1' in out


def test_the_release_is_that_of_the_collection(capsys: pytest.CaptureFixture[str]) -> None:
    galaxy = (pathlib.Path(__file__).parents[5] / "galaxy.yml").read_text(encoding="utf-8")
    assert f"\nversion: {VERSION}\n" in galaxy
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"keepalive-sockets {VERSION} (netops.keepalive)\n"
    assert f'"netops.keepalive {VERSION}"' in MANUAL
