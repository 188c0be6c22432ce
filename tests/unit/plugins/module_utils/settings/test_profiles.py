# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The profiles that are built in: each keeps a connection over what it is for, and says who says so."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import (
    LONGEST_TIMEOUT,
    SHORTEST_TIMEOUT,
    KeepaliveTimes,
    recommend,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.carried import files_reached
from ansible_collections.netops.keepalive.plugins.module_utils.report.noticed import noticed_after
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profiles import (
    ENDS_CONNECTIONS,
    PROFILES,
    Profile,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import with_backend
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, only

PLUGINS = pathlib.Path(__file__).parents[5] / "plugins"
ASKED_FOR = (
    "aws_nlb", "aws_nat", "azure_lb", "gcp_vpc", "gcp_nat", "oci_lb", "ipvs", "firewall_1h", "nsx_edge",
    "failover_fast", "f5_fastl4", "cisco_asa", "check_point", "fortigate", "palo_alto", "linux_conntrack",
    "docker_swarm", "kube_proxy",
)  # fmt: skip
each = pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))


def test_what_operators_look_for_is_there() -> None:
    assert set(ASKED_FOR) <= set(PROFILES)
    assert not set(PROFILES) & set(ENDS_CONNECTIONS)


@each
def test_one_probe_may_get_lost_before_the_connection_is_forgotten(profile: Profile) -> None:
    tcp = only([a(profile=profile.name)])["tcp"]
    assert tcp["keepidle"] + 2 * tcp["keepintvl"] < profile.timeout
    assert KeepaliveTimes(*(tcp[name] for name in KeepaliveTimes._fields)).satisfy(profile.timeout)


@each
def test_the_user_timeout_derives_and_neither_ends_probing_sooner_nor_holds_on_longer(profile: Profile) -> None:
    tcp = only([a(profile=profile.name)])["tcp"]
    assert tcp["user_timeout"] == -1
    noticed = noticed_after(tcp)
    assert noticed.probes == tcp["keepcnt"] >= 3
    assert noticed.idle == noticed.unacknowledged == noticed.stopped < profile.timeout
    assert noticed.survives is not None and noticed.survives < profile.timeout


@each
def test_the_audit_advises_the_same_for_the_same_timeout(profile: Profile) -> None:
    """An operator should not find two answers."""
    if profile.name == "failover_fast":  # where nothing forgets anything, and time is short
        assert profile.timeout == 30
        assert noticed_after(profile.tcp).idle == 20
    else:
        assert profile.times == recommend(profile.timeout)


@each
def test_each_says_what_it_is_why_and_who_says_so(profile: Profile) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", profile.name)
    assert SHORTEST_TIMEOUT <= profile.timeout <= LONGEST_TIMEOUT
    assert re.fullmatch(r"https?://[!-~]+", profile.source)
    for text in (profile.what, profile.why):
        assert text.isascii() and text.isprintable() and not text.endswith(".")
        assert not re.search(r"[|<>`*]", text), "it becomes a cell of a table"


def test_the_operators_own_of_the_same_name_wins_and_nothing_of_the_other_is_left() -> None:
    own = [{"name": "aws_nlb", "tcp": {"keepcnt": 7}, "restart": "never"}]
    service = only([a(profile="aws_nlb")], profiles=own)
    assert (service["profile"], service["restart"]) == ("aws_nlb", "never")
    assert [service["tcp"][name] for name in KeepaliveTimes._fields] == [15, 15, 7]


@pytest.mark.parametrize(
    ("lists", "times"),
    [
        ({"services": [a(profile="azure_lb")]}, (90, 30, 4)),
        ({"services": [a()], "defaults": {"profile": "azure_lb"}}, (90, 30, 4)),
        ({"services": [a()], "layers": {"keepalive_services__x": [a(profile="azure_lb")]}}, (90, 30, 4)),
        ({"services": [a(profile="gcp_vpc")], "defaults": {"profile": "azure_lb"}}, (240, 60, 4)),
        ({"services": [a()], "defaults": {"profile": "azure_lb", "tcp": {"keepidle": 9, "keepcnt": 9}}}, (90, 30, 4)),
        ({"services": [a(profile="azure_lb", tcp={"keepidle": 50})]}, (50, 30, 4)),
        ({"services": [a(profile="azure_lb")], "layers": {"keepalive_services__x": [a(tcp={"keepcnt": 2})]}},
         (90, 30, 2)),
        ({"services": [a(profile="azure_lb")], "profiles": [{"name": "p", "tcp": {"keepidle": 1}}]}, (90, 30, 4)),
    ],
    ids=["entry", "defaults", "layer", "entry over defaults", "over the defaults' values", "entry's own value",
         "layer's own value", "beside the operator's"],
)  # fmt: skip
def test_it_stands_where_the_operators_would(lists: t.Dict[str, t.Any], times: t.Tuple[int, ...]) -> None:
    tcp = only(**lists)["tcp"]
    assert tuple(tcp[name] for name in KeepaliveTimes._fields) == times


@pytest.mark.parametrize(
    ("tcp", "least"),
    [
        ({"keepidle": 289}, 0),
        ({"keepidle": 290}, 350),
        ({"keepintvl": 200}, 520),
        ({"keepidle": 0}, 0),  # whatever the host has
        ({"keepintvl": 0}, 0),
    ],
)
def test_values_of_ones_own_that_are_too_long_for_the_profile_are_told_of(tcp: t.Dict[str, int], least: int) -> None:
    told = [
        f"a.service: keepidle + 2 x keepintvl is {least} s, which is not below the 350 s of its profile aws_nlb: where "
        "a probe is lost, so may be the connection"
    ]
    service = only([a(profile="aws_nlb", tcp=tcp)])
    assert service["warnings"] == (told if least else [])
    assert with_backend(service, "bpf")["warnings"] == service["warnings"]
    spread = only([a(profile="aws_nlb", tcp=tcp)], defaults={"jitter": 50}, host="h")
    assert spread["warnings"] == service["warnings"], "on every host, whatever a jitter takes off on this one"
    assert only([a(profile="aws_nlb", tcp=tcp)], profiles=[{"name": "aws_nlb"}])["warnings"] == []


def test_the_defaults_user_timeout_stays() -> None:
    assert only([a(profile="aws_nlb")], defaults={"tcp": {"user_timeout": 0}})["tcp"]["user_timeout"] == 0


def test_none_of_them_travels_to_a_host() -> None:
    """Lists are resolved on the controller; what a host imports is compiled there in each run."""
    for path in [*PLUGINS.glob("modules/*.py"), PLUGINS / "module_utils" / "look" / "on_host.py"]:
        text = path.read_text(encoding="utf-8")
        for package, name in re.findall(r"(?m)^ *from \.+(?:module_utils)?\.?([\w.]+) import (\w+)", text):
            for reached in (package, f"{package}.{name}"):
                if (PLUGINS / "module_utils" / f"{reached.replace('.', '/')}.py").is_file():
                    assert "settings/profiles.py" not in files_reached([reached]), (path.name, reached)


def test_the_controller_does_reach_them() -> None:
    assert "settings/profiles.py" in files_reached(["settings.services"])
