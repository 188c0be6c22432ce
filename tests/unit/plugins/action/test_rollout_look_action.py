# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller makes of the variables of a host and of its one answer."""

from __future__ import annotations

import copy
import hashlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.plugins.plugin_utils._core import as_template
from ansible_collections.netops.keepalive.plugins.plugin_utils._look import CODE
from ansible_collections.netops.keepalive.plugins.plugin_utils._look_libraries import COMMAND, HELPER
from ansible_collections.netops.keepalive.tests.unit.support.looked import (
    DROP_IN,
    ENTRY,
    LIBRARIES,
    SERVICE,
    SOCKETS,
    UNIT,
    Looked,
    Result,
)
from ansible_collections.netops.keepalive.tests.unit.support.resolved import only


def refusal(*lines: str) -> Result:
    seen = "\n".join(lines)
    return {
        "changed": False,
        "outcome": {"state": "refused", "seen": seen, "remarks": []},
        "add_host": {"host_name": "h1", "groups": ["keepalive_refused"], "host_vars": {}},
    }


def test_a_host_on_which_nothing_is_due_is_finished(look: Looked) -> None:
    """The drop-in is that of the role's template to the byte, by the roles' defaults, and one question was asked."""
    assert look() == {
        "changed": False,
        "outcome": {"state": "done", "seen": "", "remarks": []},
        "due": [],
        "libraries_due": [],
        "build_for": {},
        "sockets": {**SOCKETS, "right": {}},
    }
    scope = {"services": [only([ENTRY])], "units": [], "mode": "services", "writable": True, "cc": "cc"}
    assert look.asked == [
        {"scope": scope, "libraries": None, "sockets": True, "use": [], "removal": False, "code": CODE}
    ]


def test_a_host_on_which_something_is_due_goes_on_with_what_was_seen(look: Looked) -> None:
    look.told["found"]["units"]["relay.socket"]["drop_in_sha256"] = None
    result = look()
    assert (result["outcome"]["state"], result["due"]) == ("not begun", ["drop-ins: relay.socket"])
    assert (result["found"], result["absent"]) == (look.told["found"], [])
    assert [service["name"] for service in result["resolved"]] == ["relay.socket"]


@pytest.mark.parametrize(
    ("fails", "due"), [(True, ["sockets that are wrong: relay.socket (stale_environment)"]), (False, [])]
)
def test_wrong_sockets_are_due_where_they_would_fail_the_host(look: Looked, fails: bool, due: t.List[str]) -> None:
    wrong = {"ok": False, "reasons": {"stale_environment": 1}, "relevant": 1, "compliant": 0}
    look.told["sockets"] = {"units": {"relay.socket": {**wrong, "sockets": [], "listeners": []}}, "compliant": False}
    assert look(keepalive_verify_fail=fails)["due"] == due


def test_layers_are_the_variables_of_that_name_unless_others_are_chosen(look: Looked) -> None:
    layers = {"keepalive_services__web": [{"name": "a.socket"}], "keepalive_services__db": [{"name": "b.socket"}]}
    look(keepalive_services=[], **layers)
    look(keepalive_services=[], **layers, keepalive_services_layers={"mine": [{"name": "c.socket"}]})
    names = [[service["name"] for service in asked["scope"]["services"]] for asked in look.asked]
    assert names == [["b.socket", "a.socket"], ["c.socket"]]


def test_first_probes_are_spread_by_the_hosts_name(look: Looked) -> None:
    """What is asked, what is expected and what would be written agree, in each run anew."""
    entry = {**ENTRY, "jitter": 50}
    first, again, other = (
        look({"fail": True}, keepalive_services=[entry], inventory_hostname=host) for host in ("h1", "h1", "h2")
    )
    (service,) = first["resolved"]
    assert service == only([entry], host="h1") == again["resolved"][0]
    assert service["tcp"]["keepidle"] == service["expected"]["tcp"]["keepidle"] == 73
    assert other["resolved"][0]["tcp"]["keepidle"] != 73
    comment = '# Its entry also says: {"jitter": 50, "latest_keepidle": 90}\n'
    head, rest = DROP_IN.split("\n", 1)
    text = f"{head}\n{comment}{rest}".replace("KeepAliveTimeSec=90", "KeepAliveTimeSec=73")
    look.told["found"]["units"]["relay.socket"]["drop_in_sha256"] = sha256_of_text(text)
    assert look({"fail": True}, keepalive_services=[entry])["due"] == []


def test_a_role_is_told_all_also_where_nothing_is_due(look: Looked) -> None:
    result = look({"fail": True})
    assert (result["due"], result["found"]) == ([], look.told["found"])


def test_all_mistakes_are_told_at_once_and_nothing_else_is_decided(look: Looked) -> None:
    look.told["found"]["problems"] = ["the host: is odd"]
    wrong = {"name": "relay.socket", "tcp": {"keepidle": -5}}
    result = look(keepalive_services=[wrong], keepalive_services_purge="maybe", keepalive_mode="hosst")
    lines = result["outcome"]["seen"].split("\n")
    assert lines[0].startswith("keepalive_mode: 'hosst' is not one of services ")
    assert lines[1].startswith("keepalive_services[0] 'relay.socket': tcp.keepidle: -5 ")
    assert lines[2:] == ["keepalive_services_purge: 'maybe' is not one of true and false", "the host: is odd"]
    assert sorted(result) == ["add_host", "changed", "outcome"]


def test_a_role_fails_with_them(look: Looked, capsys: pytest.CaptureFixture[str]) -> None:
    look.told["found"]["problems"] = ["the host: is odd"]
    look.told["found"]["absent_here"] = ["x.service"]
    result = look({"fail": True})
    assert (result["failed"], result["msg"]) == (True, "nothing was changed on h1, because of:\nthe host: is odd")
    assert "h1: x.service: left out, because this host has no such unit (if_present)\n" in capsys.readouterr().out


NO_CHANGES, NO_LIBRARIES = "/etc is read-only", "/usr is read-only"


@pytest.fixture(name="read_only")
def read_only_fixture(look: Looked) -> Looked:
    """Nothing can be written on the host, and nothing is due there."""
    look.told["found"]["unwritable"] = {"changes": [NO_CHANGES], "libraries": [NO_LIBRARIES]}
    return look


def test_a_host_that_cannot_be_written_to_is_in_order_where_nothing_is_due(read_only: Looked) -> None:
    result = read_only()
    assert (result["outcome"]["state"], result["due"]) == ("done", [])


def test_it_is_refused_where_something_is_due_for_what_that_would_write(read_only: Looked) -> None:
    """The libraries come with the image of the host, in a /usr that nobody writes to."""
    read_only.told["found"]["units"]["relay.socket"]["drop_in_sha256"] = None
    assert read_only() == refusal(NO_CHANGES)


def test_it_is_refused_for_the_libraries_where_these_are_due(read_only: Looked) -> None:
    read_only.told["found"]["units"]["web.service"] = UNIT
    read_only.told["found"]["build"] = {"missing": [], "families": [], "obstacle": ""}
    read_only.told["libraries"] = {**copy.deepcopy(LIBRARIES), "installed": None, "files": {}}
    result = read_only(keepalive_services=[SERVICE])
    assert result["outcome"]["seen"].split("\n") == [NO_CHANGES, NO_LIBRARIES]


def test_what_else_is_wrong_is_told_with_it_as_if_something_were_due(read_only: Looked) -> None:
    """Nobody knows what is due while that is wrong, and nobody wants to be told of a host's mistakes one by one."""
    read_only.told["found"]["problems"] = ["the host: is odd"]
    assert read_only() == refusal("the host: is odd", NO_CHANGES)


def test_what_cannot_be_evaluated_is_named(look: Looked) -> None:
    result = look(keepalive_services_defaults=as_template("{{ nothing_of_this_name }}"))
    (line,) = result["outcome"]["seen"].split("\n")
    assert line.startswith("keepalive_services_defaults: cannot be evaluated: ") and "nothing_of_this_name" in line


def test_a_host_that_cannot_be_asked_is_refused_or_unreachable(look: Looked) -> None:
    look.told = {"failed": True, "msg": "systemd did not answer"}
    assert look() == refusal("systemd did not answer")
    look.told = {"unreachable": True, "msg": "no route"}
    assert look() == {"unreachable": True, "msg": "no route", "changed": False}


def test_what_ansible_learns_of_a_host_is_not_lost(look: Looked) -> None:
    look.told.update(ansible_facts={"discovered_interpreter_python": "/p"}, warnings=["w"], invocation={})
    result = look()
    assert (result["ansible_facts"], result["warnings"]) == ({"discovered_interpreter_python": "/p"}, ["w"])
    assert "invocation" not in result


def test_a_template_of_the_play_counts(look: Looked) -> None:
    (look.play / "templates").mkdir()
    (look.play / "templates" / "own.j2").write_text("{{ marker }}\n# {{ unit.ld_preload | length }} {{ more }}")
    text = f"{MARKER}\n# 0 yes\n"
    look.told["found"]["units"]["relay.socket"]["drop_in_sha256"] = sha256_of_text(text)
    assert look(keepalive_services_socket_template="own.j2", more="yes")["due"] == []
    result = look(keepalive_services_socket_template="gone.j2")
    assert result["outcome"]["seen"].startswith("the template 'gone.j2' cannot be read: ")


@pytest.mark.parametrize(
    ("variables", "writable", "sockets"),
    [
        ({}, True, True),
        ({"ansible_run_tags": ["restart"]}, False, True),
        ({"keepalive_services_verify": False}, True, False),
        ({"keepalive_services_verify": "false", "keepalive_services_deploy": "no"}, False, False),
        ({"keepalive_services_verify": False, "keepalive_services": [{**ENTRY, "live": True}]}, True, True),
    ],
)
def test_what_is_asked_is_what_the_run_needs(look: Looked, variables: Result, writable: bool, sockets: bool) -> None:
    look(**variables)
    assert (look.asked[0]["scope"]["writable"], look.asked[0]["sockets"]) == (writable, sockets)


@pytest.fixture(name="serves")
def serves_fixture(look: Looked) -> Looked:
    """The host has a service with a library, which is installed."""
    look.told["found"]["units"]["web.service"] = UNIT
    look.told["found"]["build"] = {"missing": [], "families": [], "obstacle": ""}
    look.told["libraries"] = copy.deepcopy(LIBRARIES)
    return look


def test_the_libraries_are_asked_for_by_digests(serves: Looked) -> None:
    result = serves(keepalive_services=[SERVICE])
    assert serves.asked[0]["libraries"] == {"cc": "cc", "compiles": True, "names": [], "command": COMMAND}
    assert (result["libraries_due"], result["build_for"]) == ([], {})


def test_libraries_that_are_due(serves: Looked) -> None:
    serves.told["libraries"]["command"] = ["keepalive-sockets changed"]
    assert serves(keepalive_services=[SERVICE])["libraries_due"] == ["keepalive-sockets changed"]
    serves.told["libraries"]["installed"]["made"]["sources"] = "old"
    result = serves(keepalive_services=[SERVICE])
    assert result["libraries_due"] == ["sources changed", "keepalive-sockets changed"]
    assert result["due"][0] == "libraries: sources changed, keepalive-sockets changed"
    assert result["build_for"] == {"machine": "m", "libc": "glibc 2.36", "needs_build": False, "by_python": False}


@pytest.mark.parametrize("tags, asked", [(["all"], True), (["restart"], False)])
def test_a_run_that_only_restarts_asks_for_none(serves: Looked, tags: t.List[str], asked: bool) -> None:
    serves(keepalive_services=[SERVICE], ansible_run_tags=tags)
    assert bool(serves.asked[0]["libraries"]) is asked


def test_where_another_host_compiles_it_is_told_for_what(serves: Looked) -> None:
    serves.told["libraries"]["installed"] = None
    result = serves(keepalive_services=[SERVICE], keepalive_build_delegate="h1")
    assert result["build_for"] == {"machine": "m", "libc": "glibc 2.36", "needs_build": True, "by_python": False}


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"keepalive_build_delegate": "web"},
            "keepalive_build_delegate: web is a group; name one host of it: h1",
        ),
        (
            {"keepalive_build_delegate": "h9"},
            "keepalive_build_delegate: h9 is not in the inventory; expected the name of one of its hosts, which need "
            "not be in the play, or localhost",
        ),
        ({"keepalive_build_prebuilt": "/nonexistent"}, "keepalive_build_prebuilt: "),
        (
            {"keepalive_build_delegate": "h1", "keepalive_build_prebuilt": "/nonexistent"},
            "keepalive_build_delegate (h1) and keepalive_build_prebuilt (/nonexistent) are both set for h1: set one of "
            "them, and the other to '' where a group sets it",
        ),
    ],
)
def test_where_the_libraries_come_from_must_be_clear(serves: Looked, variables: Result, line: str) -> None:
    result = serves(keepalive_services=[SERVICE], **variables)
    assert result["outcome"]["seen"].split("\n")[0].startswith(line)


def test_in_check_mode_sockets_that_are_wrong_are_told_and_not_waited_for(look: Looked) -> None:
    look.told["sockets"]["units"]["relay.socket"].update(ok=False, reasons={"stale_environment": 1})
    assert look()["due"] == ["sockets that are wrong: relay.socket (stale_environment)"]
    look.check_mode = True
    result = look()
    assert result["outcome"] == {
        "state": "done", "seen": "",
        "remarks": ["live sockets are wrong now: relay.socket (stale_environment)"],
        "would_change": [], "would_restart": [],
    }  # fmt: skip


def test_who_is_not_here_is_left_out(serves: Looked) -> None:
    serves.told["found"]["absent_here"] = ["gone.service"]
    result = serves({"fail": True}, keepalive_services=[ENTRY, {"name": "gone.service", "if_present": True}])
    assert [service["name"] for service in result["resolved"]] == ["relay.socket"]


def without_compiler(look: Looked, installed: t.Optional[Result], **more: t.Any) -> Result:
    """What is said of a host on which nothing can be compiled."""
    look.told["found"]["build"] = {"missing": ["cc", "make"], "families": ["plan9"], "obstacle": "", **more}
    look.told["found"]["backends"]["chosen"] = {"web.service": {"backend": "bpf", "why": ""}}
    look.told["libraries"].update(compiler=None, no_compiler="there is no cc", installed=installed, files={})
    return look(keepalive_services=[{**SERVICE, "backend": "bpf"}])


def test_where_nothing_can_be_compiled_python_attaches_the_programs(serves: Looked) -> None:
    """For good: the next run has nothing to do about it."""
    result = without_compiler(serves, None)
    assert (result["outcome"]["seen"], result["libraries_due"]) == ("", ["not installed"])
    assert result["build_for"]["by_python"]
    assert result["outcome"]["remarks"][1:] == [
        "cc and make: not there, and its packages on this distribution (plan9) are not known; all entries have "
        "'backend: bpf', so keepalive-bpf is a Python program here, with which each start of a unit takes 0.1 to 0.3 s "
        "longer"
    ]
    checksum = hashlib.sha256(HELPER).hexdigest()
    made = {"made": {"python": checksum}, "files": {"keepalive-bpf": checksum}}
    serves.told["libraries"]["files"] = {"keepalive-bpf": [checksum, 0o755, 0, 0, False]}
    serves.told["found"]["build"]["missing"] = ["cc", "make"]
    look = serves.told["libraries"]
    look["installed"] = made
    again = serves(keepalive_services=[{**SERVICE, "backend": "bpf"}])
    assert (again["outcome"]["seen"], again["libraries_due"]) == ("", [])
    look["files"]["keepalive-bpf"][0] = "another"
    damaged = serves(keepalive_services=[{**SERVICE, "backend": "bpf"}])
    assert damaged["libraries_due"] == ["keepalive-bpf was changed by something else"]


def test_where_nothing_can_be_written_to_compile_in_either(serves: Looked) -> None:
    result = without_compiler(serves, None, missing=[], obstacle="/tmp is noexec")
    assert (result["outcome"]["seen"], result["build_for"]["by_python"]) == ("", True)


@pytest.mark.parametrize(
    "services",
    [[{**SERVICE, "backend": "bpf"}, {**SERVICE, "name": "relay.service"}], [SERVICE]],
    ids=["one of two", "none"],
)
def test_an_entry_that_needs_a_library_needs_a_compiler(serves: Looked, services: t.List[Result]) -> None:
    without_compiler(serves, None)
    serves.told["found"]["units"]["relay.service"] = serves.told["found"]["units"]["web.service"]
    serves.told["found"]["backends"]["chosen"] = {}
    result = serves(keepalive_services=services)
    assert result["outcome"]["seen"].startswith("cc and make: not there, the libraries cannot be compiled, and ")


WANTED = {"run": {"kind": "enable", "begun": "2026-11-27T08:00:00Z", "report": "report.json"}}


def test_for_the_document_of_the_run_more_is_kept(serves: Looked) -> None:
    reported = serves(keepalive_services=[SERVICE], keepalive_inputs=WANTED)["reported"]
    assert (reported["mode"], list(reported["expected"])) == ("services", ["web.service"])
    assert reported["expected"]["web.service"]["tcp"]["keepidle"] == 60
    assert (reported["libraries"], reported["libraries_wanted"]) == (LIBRARIES["installed"], {})
    assert "reported" not in serves(keepalive_services=[SERVICE], keepalive_inputs={"run": {"report": ""}})
    serves.told["libraries"]["installed"] = None
    assert (
        serves(keepalive_services=[SERVICE], keepalive_inputs=WANTED)["reported"]["libraries_wanted"]["compiler"]
        == "cc 12"
    )


def test_a_host_that_is_refused_is_in_it_too(look: Looked) -> None:
    look.told = {"failed": True, "msg": "systemd does not answer"}
    result = look(keepalive_inputs=WANTED)
    assert result["outcome"]["state"] == "refused"
    assert (list(result["reported"]["expected"]), result["reported"]["libraries"]) == (["relay.socket"], None)
