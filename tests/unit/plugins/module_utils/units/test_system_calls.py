# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may be killed for a system call of the libraries: processes and filters are real, systemd is not."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units import system_calls
from ansible_collections.netops.keepalive.plugins.module_utils.units.system_calls import (
    REASON,
    SystemCalls,
    filtering_settings,
    forbidden_calls,
)
from ansible_collections.netops.keepalive.tests.unit.support import seccomp
from ansible_collections.netops.keepalive.tests.unit.support.fake_systemd import FakeSystemd
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import ShadowProc

TOP = pathlib.Path(__file__).parents[5]
REFUSED = {"setsockopt": errno.EPERM}
LIMIT = "RuntimeMaxSec=30"

supported = pytest.mark.skipif(not seccomp.SUPPORTED, reason="the numbers of the system calls are not known here")


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> ShadowProc:
    """A /proc whose process 1 has the filters of this one."""
    proc = ShadowProc(tmp_path)
    proc.add(os.getpid(), "init.scope", shown_as=1)
    return proc


@pytest.fixture(name="systemd")
def systemd_fixture() -> FakeSystemd:
    return FakeSystemd()


@pytest.fixture(name="calls")
def calls_fixture(proc: ShadowProc, systemd: FakeSystemd) -> SystemCalls:
    return SystemCalls(systemd.run, proc)


def status_of(pid: int, more: int = 0) -> str:
    """What /proc/PID/status says, with so many filters more."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    text = re.sub(r"Seccomp:\t\d", "Seccomp:\t2", text)
    return re.sub(r"(?<=Seccomp_filters:\t)\d+", lambda found: str(int(found[0]) + more), text)


def without_counts(pid: int) -> str:
    """As before Linux 5.9."""
    return re.sub(r"Seccomp_filters:\t\d+\n", "", status_of(pid))


@supported
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_filter_that_a_process_installed_itself_is_seen(
    proc: ShadowProc, systemd: FakeSystemd, calls: SystemCalls, in_a_thread: bool
) -> None:
    properties = systemd.add("a.service")
    with seccomp.living(REFUSED, in_a_thread) as pid:
        proc.add(pid, "a.service")
        (problem,) = calls.problems("a.service", properties)
    assert problem.reason == REASON
    assert problem.text.startswith(
        f"a.service: {os.readlink('/proc/self/exe')} (process {pid}) has a list of system calls"
    )
    assert "(Seccomp: 2, with " in problem.text
    assert "kills the process (SIGSYS) at its first TCP connection" in problem.text
    assert "add 'accept: [system_call_filter]'" in problem.text


@supported
def test_who_has_no_filter_of_its_own_is_no_problem(
    proc: ShadowProc, systemd: FakeSystemd, tmp_path: pathlib.Path
) -> None:
    """Neither without any filter, nor in a container, whose process 1 hands its own on to all."""
    properties = systemd.add("a.service")
    proc.add(os.getppid(), "a.service")
    assert SystemCalls(systemd.run, proc).problems("a.service", properties) == []
    with seccomp.living(REFUSED) as pid:
        (tmp_path / "container").mkdir()
        container = ShadowProc(tmp_path / "container")
        container.add(pid, "init.scope", shown_as=1)
        container.add(pid, "a.service")
        assert SystemCalls(systemd.run, container).problems("a.service", properties) == []


@supported
@pytest.mark.parametrize(("more", "found"), [(1, 0), (0, 1)])
def test_the_filters_of_a_hardened_unit_are_compared_with_what_systemd_gives_to_it(
    proc: ShadowProc, systemd: FakeSystemd, calls: SystemCalls, more: int, found: int
) -> None:
    """What cat has with the same settings is one filter more than this process, or as many."""
    systemd.transient[LIMIT, "SystemCallFilter=~@obsolete", "PrivateDevices=yes"] = status_of(os.getpid(), more)
    hardened = {"SystemCallFilter": "getsockopt setsockopt socket", "PrivateDevices": "yes", "ProtectClock": "no"}
    with seccomp.living(REFUSED) as pid:
        proc.add(pid, "a.service")
        assert len(calls.problems("a.service", systemd.add("a.service", **hardened))) == found


@supported
def test_systemd_is_asked_once_for_all_units_with_the_same_settings(proc: ShadowProc, systemd: FakeSystemd) -> None:
    asked = []

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        asked.append(command)
        return systemd.run(command)

    calls = SystemCalls(run, proc)
    systemd.transient[LIMIT, "LockPersonality=yes"] = status_of(os.getpid(), 1)
    with seccomp.living(REFUSED) as pid, seccomp.living(REFUSED) as other:
        proc.add(pid, "a.service")
        proc.add(other, "b.service")
        for name in ("a.service", "b.service"):
            assert calls.problems(name, systemd.add(name, LockPersonality="yes")) == []
    assert [command[0] for command in asked] == ["systemd-run"]


@supported
@pytest.mark.parametrize("hardened_since", [True, False])
def test_a_process_that_has_more_than_another_of_its_unit_is_seen_whatever_systemd_gives_now(
    proc: ShadowProc, systemd: FakeSystemd, calls: SystemCalls, hardened_since: bool
) -> None:
    """As chronyd, which keeps an unfiltered helper, in a unit that was hardened since; or where systemd-run fails."""
    if hardened_since:
        systemd.transient[LIMIT, "LockPersonality=yes"] = status_of(os.getpid(), 9)
    with seccomp.living(REFUSED) as helper, seccomp.living(REFUSED) as pid:
        proc.add(helper, "a.service")
        proc.add(pid, "a.service", status=status_of(pid, 1), task="")
        (problem,) = calls.problems("a.service", systemd.add("a.service", LockPersonality="yes"))
    assert f"(process {pid}) has a list of system calls of its own" in problem.text


def test_a_unit_without_a_filtered_process_costs_no_question(proc: ShadowProc, systemd: FakeSystemd) -> None:
    proc.add(os.getppid(), "a.service", status="Name:\tx\nSeccomp:\t0\nSeccomp_filters:\t0\n", task="")
    calls = SystemCalls(lambda command: pytest.fail(f"{command}"), proc)
    properties = systemd.add("a.service", LockPersonality="yes")
    assert (calls.problems("a.service", properties), calls.doubts("a.service", properties, "/bin/sh")) == ([], [])


@supported
def test_where_nothing_counts_filters_an_unknown_program_is_a_doubt_and_a_known_one_a_problem(
    proc: ShadowProc, systemd: FakeSystemd, calls: SystemCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = systemd.add("a.service", LockPersonality="yes")  # and systemd-run fails
    program = os.readlink("/proc/self/exe")
    with seccomp.living(REFUSED) as pid:
        proc.add(pid, "a.service", status=without_counts(pid), task="")
        assert calls.problems("a.service", properties) == []
        (doubt,) = calls.doubts("a.service", properties, program)
        assert f"process {pid} ({program}) are filtered" in doubt
        known = system_calls.OwnList("with -F", "start it with -F 0")
        monkeypatch.setitem(system_calls.OWN_LISTS, os.path.basename(program), known)
        (problem,) = calls.problems("a.service", properties)
        assert "(Seccomp: 2; it installs one with -F)" in problem.text
        assert "; start it with -F 0, take the entry out, or add" in problem.text
        assert calls.doubts("a.service", properties, program) == []


@supported
def test_before_linux_5_9_a_filter_in_a_unit_without_any_is_the_programs_own(
    tmp_path: pathlib.Path, systemd: FakeSystemd
) -> None:
    proc = ShadowProc(tmp_path)
    proc.add(os.getpid(), "init.scope", shown_as=1, status="Name:\tsystemd\nSeccomp:\t0\n", task="")
    with seccomp.living(REFUSED) as pid:
        proc.add(pid, "a.service", status=without_counts(pid), task="")
        assert len(SystemCalls(systemd.run, proc).problems("a.service", systemd.add("a.service"))) == 1


def test_a_known_program_that_does_not_run_is_a_doubt(systemd: FakeSystemd, calls: SystemCalls) -> None:
    properties = systemd.add("chrony.service", ActiveState="inactive")
    (doubt,) = calls.doubts("chrony.service", properties, "/usr/sbin/chronyd")
    assert doubt.startswith("chrony.service: does not run, so whether /usr/sbin/chronyd has a list of system calls")
    assert "with -F, as Debian starts it" in doubt
    assert calls.doubts("chrony.service", properties, "/usr/sbin/nginx") == []


@supported
def test_other_services_with_lists_of_their_own_are_found_once_each(
    proc: ShadowProc, systemd: FakeSystemd, calls: SystemCalls
) -> None:
    for name in ("a.service", "listed.service"):
        systemd.add(name)
    with seccomp.living(REFUSED) as pid, seccomp.living(REFUSED) as sibling, seccomp.living(REFUSED) as listed:
        proc.add(pid, "a.service")
        proc.add(sibling, "a.service")
        proc.add(listed, "listed.service")
        program = os.readlink("/proc/self/exe")
        (found,) = calls.elsewhere(["listed.service"])
        assert found == {"pid": min(pid, sibling), "unit": "a.service", "program": program}


ALLOWED = "accept bind connect listen socket"


@pytest.mark.parametrize(
    ("filter_", "error", "forbidden"),
    [
        ("", "", []),
        ("~", "2147483646", []),
        (f"{ALLOWED} getsockopt setsockopt", "2147483646", []),
        (f"{ALLOWED} getsockopt", "2147483646", ["setsockopt"]),
        (ALLOWED, "0", ["getsockopt", "setsockopt"]),
        (ALLOWED, "1", []),
        (f"{ALLOWED} getsockopt setsockopt:EPERM", "2147483646", []),
        (f"{ALLOWED} getsockopt setsockopt:kill", "1", ["setsockopt"]),
        ("~mount reboot", "2147483646", []),
        ("~mount setsockopt", "2147483646", ["setsockopt"]),
        ("~mount setsockopt", "1", []),
        ("~mount setsockopt:EPERM getsockopt", "2147483646", ["getsockopt"]),
        ("~accept bind connect getsockopt listen setsockopt socket", "2147483646", []),
        ("read write", "2147483646", []),
    ],
)
def test_what_systemd_kills_for(filter_: str, error: str, forbidden: t.List[str]) -> None:
    """A unit that may use no sockets at all is not asked to allow their options."""
    assert forbidden_calls({"SystemCallFilter": filter_, "SystemCallErrorNumber": error}) == forbidden


def test_a_list_of_systemds_that_kills_is_a_problem(systemd: FakeSystemd, calls: SystemCalls) -> None:
    properties = systemd.add("a.service", SystemCallFilter="~setsockopt", SystemCallErrorNumber="2147483646")
    (problem,) = calls.problems("a.service", properties)
    assert problem.reason == REASON
    assert problem.text.startswith(
        "a.service: SystemCallFilter= of the unit does not allow setsockopt, which the library"
    )
    assert "allow it with 'SystemCallFilter=setsockopt'" in problem.text


def test_settings_that_filter_nothing_are_left_out() -> None:
    found = filtering_settings(
        {
            "SystemCallFilter": "~", "SystemCallLog": "~", "SystemCallArchitectures": "", "RestrictNamespaces": "no",
            "RestrictAddressFamilies": "AF_INET", "ProtectHostname": "private", "PrivateTmp": "yes",
        }
    )  # fmt: skip
    assert found == ("RestrictAddressFamilies=AF_UNIX", "ProtectHostname=yes")


def test_the_role_leaves_all_known_programs_alone() -> None:
    """Its defaults, what it documents of them, and its README."""
    yaml = pytest.importorskip("yaml")
    role = TOP / "roles/keepalive_host"
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text(encoding="utf-8"))["keepalive_host_opt_outs"]
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    assert specs["main"]["options"]["keepalive_host_opt_outs"]["default"] == defaults
    named = [entry["path"] for entry in defaults if "list of system calls of its own" in entry["why"]]
    assert named == [f"*/{name}" for name in sorted(system_calls.OWN_LISTS)]
    for name in system_calls.OWN_LISTS:
        assert f"| `{name}` |" in (role / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("program", "filters", "systemds", "words"),
    [
        ("/opt/a", None, None, "(Seccomp: 2): where"),
        ("/opt/a", 3, None, "(Seccomp: 2): where"),
        ("/opt/a", None, 2, "(Seccomp: 2): where"),
        ("/opt/a", 3, 2, "(Seccomp: 2, with 3 filters where systemd installs 2): where"),
        ("/opt/a", 3, 2, "(SIGSYS) at its first TCP connection, which may be long after the rollout; use the program's "
         "own setting, take the entry out, or add 'accept: [system_call_filter]' where it is known to allow that"),
        ("/opt/a\x1b[2J", 3, 2, "a.service: /opt/a\\x1b[2J (process 7) has a list of system calls of its own ("),
    ],
)  # fmt: skip
def test_what_is_told_of_a_list_that_a_program_has_itself(
    program: str, filters: t.Optional[int], systemds: t.Optional[int], words: str
) -> None:
    process = system_calls.Filtered(7, program, filters)
    assert words in system_calls._own_list("a.service", process, systemds)


def test_what_is_told_of_a_program_that_is_known_to_have_one() -> None:
    for program, known in system_calls.OWN_LISTS.items():
        process = system_calls.Filtered(7, f"/usr/sbin/{program}", 1)
        told = system_calls._own_list("a.service", process, 0)
        assert f"; it installs one {known.when}): where" in told
        assert f"; {known.instead}, take the entry out, " in told
        assert "the program's own setting" not in told


@pytest.mark.parametrize(
    ("setting", "started_with"),
    [
        ("SystemCallFilter=read write", "SystemCallFilter=~@obsolete"),
        ("SystemCallLog=read", "SystemCallLog=@obsolete"),
        ("SystemCallArchitectures=native x86", "SystemCallArchitectures=native"),
        ("RestrictAddressFamilies=~AF_INET", "RestrictAddressFamilies=AF_UNIX"),
        ("RestrictNamespaces=net", "RestrictNamespaces=yes"),
        ("LockPersonality=yes", "LockPersonality=yes"),
    ],
)
def test_a_setting_that_filters_is_made_one_with_which_cat_lives(setting: str, started_with: str) -> None:
    name, _equals, value = setting.partition("=")
    assert filtering_settings({name: value}) == (started_with,)
