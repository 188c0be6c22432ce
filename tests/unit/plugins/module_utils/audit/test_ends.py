# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose word counts about where the ends of a connection are, and about a listener."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.ends import Ends, came_through, is_loopback, stays
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.tests.unit.support.made_up import HERE, THERE, made

MALLORY = Account("user-1000.slice", 1000)
CRON = Account("cron.service", 1000)
SERVICE = Account("a.service")


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::ffff:127.0.0.1", True),
        ("::1", True),
        ("::ffff:7f00:1", False),
        ("128.0.0.1", False),
        ("12.127.0.1", False),
        ("::", False),
        ("0.0.0.0", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_addresses_of_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
    assert stays(("192.0.2.1", 1), (address, 2)) is (loopback or address == "::ffff:192.0.2.1")


@pytest.mark.parametrize(
    ("local", "remote", "here"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::5", "::5", True),
        ("127.0.0.1", "192.0.2.2", False),
    ],
)
def test_what_has_one_address_at_both_ends_stays(local: str, remote: str, here: bool) -> None:
    assert stays((local, 1), (remote, 2)) is here


def other_end(**changes: object) -> Record:
    return made(2, local=THERE, remote=HERE, **changes)


@pytest.mark.parametrize(
    ("one", "other", "here"),
    [
        (made(1), other_end(), True),
        (made(1), made(2), False),
        (made(1), made(2, local=THERE, remote=("192.0.2.1", 40001)), False),
        (made(1, remote=("127.0.0.1", 1)), made(2), True),
        # in another namespace a service's word counts, a user's only for himself
        (made(1, namespace=1), other_end(namespace=2, account=SERVICE), True),
        (made(1, namespace=1, account=SERVICE), other_end(namespace=2, account=MALLORY), False),
        (made(1, namespace=1, account=SERVICE), other_end(namespace=2, account=CRON), False),
        (made(1, namespace=1, account=MALLORY), other_end(namespace=2, account=MALLORY), True),
        (made(1, namespace=1, account=CRON), other_end(namespace=2, account=MALLORY), False),
        (made(1, namespace=2, account=SERVICE), other_end(namespace=2, account=MALLORY), True),
    ],
)
def test_both_ends_are_here_where_somebody_says_so_whose_word_counts(one: Record, other: Record, here: bool) -> None:
    assert Ends([one, other]).are_here(one) is here
    assert Ends([one, made(3, local=THERE, remote=HERE, namespace=9, account=MALLORY), other]).are_here(one) is (
        here or one.account == MALLORY
    )


LISTENERS = {
    5: made(5, state="LISTEN", account=SERVICE),
    6: made(6, state="LISTEN", account=MALLORY),
    7: made(7, state="LISTEN", account=CRON),
}


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        (SERVICE, {5, 6, 7, 8}),
        (CRON, {5, 6, 7, 8}),
        (MALLORY, {6}),
    ],
)
def test_what_a_user_has_connected_says_nothing_of_others_listeners(account: Account, shown: set) -> None:
    """The listener 8 is nobody's that was found."""
    connection = made(1, direction="accepted", listeners=frozenset((5, 6, 7, 8)), account=account)
    assert set(came_through(connection, LISTENERS)) == shown
