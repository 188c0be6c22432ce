# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said where there is no profile of a name."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profile_choice import PAGE
from ansible_collections.netops.keepalive.plugins.module_utils.settings.profiles import ENDS_CONNECTIONS, PROFILES
from ansible_collections.netops.keepalive.tests.unit.support.resolved import a, mistakes

HAS_THEM = f"{PAGE} has those that are built in"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("aws_nbl", "aws_nlb"),
        ("AWS-NLB", "aws_nlb"),
        ("aws nlb", "aws_nlb"),
        ("azure_ld", "azure_lb"),
        ("firewall_1hr", "firewall_1h"),
        ("failover", "failover_fast"),
        ("paloalto", "palo_alto"),
        ("checkpoint", "check_point"),
        ("azure", "one of azure_firewall, azure_lb, azure_nat"),
        ("nat", "one of aws_nat, azure_nat, cisco_ios_nat, gcp_nat, rfc5382_nat"),
        ("OCI", "one of oci_lb, oci_nlb"),
        ("nsx-", "one of nsx_dfw, nsx_edge"),
        ("oci_lbn", "one of oci_lb, oci_nlb"),
    ],
)
def test_what_is_misspelt_is_told_with_what_was_meant(name: str, meant: str) -> None:
    (mistake,) = mistakes([a(profile=name)])
    assert mistake == (
        f"keepalive_services[0] 'a.service': profile: {name!r} is not known; did you mean {meant}? {HAS_THEM}"
    )


def test_the_operators_own_are_among_what_was_meant() -> None:
    (mistake,) = mistakes([a()], defaults={"profile": "our_lbb"}, profiles=[{"name": "Our-LB"}])
    assert mistake == (f"keepalive_services_defaults: profile: 'our_lbb' is not known; did you mean Our-LB? {HAS_THEM}")


@pytest.mark.parametrize(
    ("profiles", "known"),
    [
        ([], ""),
        ([{"name": "q"}, {"name": "p"}], "p, q of keepalive_services_profiles; "),
    ],
)
def test_where_none_is_near_all_are_named(profiles: t.List[t.Any], known: str) -> None:
    names = ", ".join(sorted(PROFILES))
    assert mistakes([a(profile="xyzzy")], profiles=profiles) == [
        f"keepalive_services[0] 'a.service': profile: 'xyzzy' is not known; known: {known}built in ({PAGE}): {names}"
    ]


@pytest.mark.parametrize("name", [*ENDS_CONNECTIONS, "HAProxy", "aws-alb"])
def test_where_no_times_would_do_that_is_said_and_what_would(name: str) -> None:
    (mistake,) = mistakes([a(profile=name)])
    instead = ENDS_CONNECTIONS[name.lower().replace("-", "_")]
    assert mistake == (
        f"keepalive_services[0] 'a.service': profile: {name!r} is no profile: it ends connections itself and counts "
        f"bytes, of which a keepalive probe carries none; raise {instead}, or have the application send something"
    )


def test_a_profile_of_the_operators_may_have_any_name() -> None:
    assert mistakes([a(profile="haproxy"), {"name": "x"}], profiles=[{"name": "haproxy"}]) != []
    assert not any("haproxy" in line for line in mistakes([a(profile="haproxy"), 5], profiles=[{"name": "haproxy"}]))
