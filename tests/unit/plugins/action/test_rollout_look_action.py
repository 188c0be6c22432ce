# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller makes of the variables of a host and of its one answer."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import sha256_of_text
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.plugins.plugin_utils._core import as_template
from ansible_collections.netops.keepalive.plugins.plugin_utils._look_libraries import COMMAND
from ansible_collections.netops.keepalive.tests.unit.support.looked import (
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
    assert look.asked == [{"scope": scope, "libraries": None, "sockets": True, "use": [], "removal": False}]


def test_a_host_on_which_something_is_due_goes_on_with_what_was_seen(look: Looked) -> None:
    look.told["found"]["units"]["relay.socket"]["drop_in_sha256"] = None
    result = look()
    assert (result["outcome"]["state"], result["due"]) == ("not begun", ["drop-ins: relay.socket"])
    assert (result["found"], result["absent"]) == (look.told["found"], [])
    assert [service["name"] for service in result["resolved"]] == ["relay.socket"]


def test_layers_are_the_variables_of_that_name_unless_others_are_chosen(look: Looked) -> None:
    layers = {"keepalive_services__web": [{"name": "a.socket"}], "keepalive_services__db": [{"name": "b.socket"}]}
    look(keepalive_services=[], **layers)
    look(keepalive_services=[], **layers, keepalive_services_layers={"mine": [{"name": "c.socket"}]})
    names = [[service["name"] for service in asked["scope"]["services"]] for asked in look.asked]
    assert names == [["b.socket", "a.socket"], ["c.socket"]]


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
    assert result["build_for"] == {"machine": "m", "libc": "glibc 2.36", "needs_build": False}


@pytest.mark.parametrize("tags, asked", [(["all"], True), (["restart"], False)])
def test_a_run_that_only_restarts_asks_for_none(serves: Looked, tags: t.List[str], asked: bool) -> None:
    serves(keepalive_services=[SERVICE], ansible_run_tags=tags)
    assert bool(serves.asked[0]["libraries"]) is asked


def test_where_another_host_compiles_it_is_told_for_what(serves: Looked) -> None:
    serves.told["libraries"]["installed"] = None
    result = serves(keepalive_services=[SERVICE], keepalive_build_delegate="h1")
    assert result["build_for"] == {"machine": "m", "libc": "glibc 2.36", "needs_build": True}


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
