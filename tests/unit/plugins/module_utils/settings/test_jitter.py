# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""First probes are spread over hosts and units: earlier alone, alike in each run, and shown as what is expected."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.jitter import earlier
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profiles import PROFILES, Profile
from ansible_collections.netops.keepalive.plugins.module_utils.settings.service import ResolvedService, with_backend
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, only, resolve

HOSTS = [f"web{number}.example.com" for number in range(200)]


def keepidle_on(host: str, entry: t.Mapping[str, t.Any], **lists: t.Any) -> int:
    return int(only([dict(entry)], host=host, **lists)["tcp"]["keepidle"])


def test_hosts_and_units_differ_and_each_is_alike_in_each_run() -> None:
    entry = a(jitter=10, tcp={"keepidle": 120})
    found = [keepidle_on(host, entry) for host in HOSTS]
    assert found == [keepidle_on(host, entry) for host in HOSTS]
    assert set(found) == set(range(108, 121)), "all seconds from 90 % to 100 %, and none above"
    other = {**entry, "name": "b.service"}
    assert [keepidle_on(host, other) for host in HOSTS] != found


def test_the_numbers_stay_as_they_are() -> None:
    """Another way to spread them would restart each unit of each host."""
    assert [earlier(120, 10, "web2", unit) for unit in ("a.service", "b.service", "")] == [114, 118, 120]
    assert [earlier(7200, 50, host, "a.service") for host in ("web1", "web2", "wéb3")] == [3604, 5455, 6942]


@pytest.mark.parametrize("keepidle", [0, 1, 2, 3, 99, 100, 32767])
@pytest.mark.parametrize("percent", [0, 1, 10, 50])
def test_it_is_never_later_and_earlier_by_no_more_than_was_asked_for(keepidle: int, percent: int) -> None:
    for host in HOSTS:
        found = earlier(keepidle, percent, host, "a.service")
        assert keepidle * (100 - percent) <= found * 100 <= keepidle * 100
        assert found >= min(1, keepidle)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_what_a_profile_is_for_is_kept_on_every_host(profile: Profile) -> None:
    for host in HOSTS[:50]:
        tcp = only([a(profile=profile.name)], defaults={"jitter": 50}, host=host)["tcp"]
        assert tcp["keepidle"] + 2 * tcp["keepintvl"] < profile.timeout
        assert tcp == {**only([a(profile=profile.name)])["tcp"], "keepidle": tcp["keepidle"]}


def test_it_is_what_is_expected_and_what_a_process_is_told() -> None:
    (service,) = resolution([a(jitter=10, tcp={"keepidle": 120})], host="web2").services
    assert service.expected.tcp == {"keepidle": 114, "keepcnt": 9, "keepintvl": 15, "user_timeout": -1}
    assert service.variables["TCP_KEEPIDLE"] == "114"
    shown = service.as_dict()
    assert (shown["jitter"], shown["latest_keepidle"], shown["tcp"]["keepidle"]) == (10, 120, 114)
    assert ResolvedService.from_dict(shown).as_dict() == shown, "on the way it is not made earlier once more"
    assert with_backend(shown, "bpf")["tcp"] == shown["tcp"]


def test_without_one_nothing_of_it_is_shown() -> None:
    plain = only([a(tcp={"keepidle": 120})], host="web2")
    assert plain == only([a(tcp={"keepidle": 120})])
    assert not {"jitter", "latest_keepidle"} & set(plain)
    assert only([a(tcp={"keepidle": 120}, jitter=0)], defaults={"jitter": 10}, host="web2") == plain


@pytest.mark.parametrize(
    "lists",
    [
        {"services": [a(jitter=10, tcp={"keepidle": 120})]},
        {"services": [a(jitter="10", tcp={"keepidle": 120})]},
        {"services": [a(tcp={"keepidle": 120})], "defaults": {"jitter": 10}},
        {"services": [a(profile="p")], "profiles": [{"name": "p", "jitter": 10, "tcp": {"keepidle": 120}}]},
        {"services": [a(tcp={"keepidle": 120})], "layers": {"keepalive_services__x": [a(jitter=10)]}},
        {"services": [a(jitter=10, tcp={"keepidle": 120})], "defaults": {"jitter": 50}},
    ],
    ids=["entry", "digits", "defaults", "profile", "layer", "entry over defaults"],
)
def test_it_may_stand_where_other_settings_may(lists: t.Dict[str, t.Any]) -> None:
    assert only(**lists, host="web2")["tcp"]["keepidle"] == 114


def test_a_socket_unit_and_a_slice_have_it_too() -> None:
    units = [{"name": "a.socket", "tcp": {"keepidle": 100}}, {"name": "a.slice", "backend": "bpf"}]
    socket, slice_ = resolve(units, defaults={"jitter": 20, "tcp": {"keepidle": 200}}, host="web2")
    assert 80 <= socket["expected"]["tcp"]["keepidle"] < 100
    assert 160 <= slice_["expected"]["tcp"]["keepidle"] < 200


def test_where_it_is_inherited_and_changes_nothing_it_is_left_out() -> None:
    units = [a(tcp={"keepidle": 9}), {"name": "b.service", "tcp": {"keepidle": 0}}]
    found = resolve(units, defaults={"jitter": 10}, host="web2")
    assert [service["tcp"]["keepidle"] for service in found] == [9, 0]
    assert not any("jitter" in service for service in found)


def test_whether_settings_are_right_does_not_hang_on_the_host() -> None:
    """On some hosts keepidle would be below the user timeout."""
    entry = a(jitter=50, tcp={"keepidle": 60, "user_timeout": 59000})
    assert {tuple(resolution([entry], host=host).problems) for host in [*HOSTS, None]} == {
        tuple(resolution([{**entry, "jitter": 0}]).problems)
    }


def test_where_the_host_is_not_known_the_latest_is_told() -> None:
    shown = only([a(jitter=10, tcp={"keepidle": 120})])
    assert (shown["tcp"]["keepidle"], shown["jitter"], shown["latest_keepidle"]) == (120, 10, 120)
    assert set(shown["tcp"]) == set(OPTIONS)
