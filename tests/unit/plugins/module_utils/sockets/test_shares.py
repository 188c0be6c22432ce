# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places shared out among those whose it is, and on whose account a process goes."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account, account_of, is_person
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import shares
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.shares import cut, share_out

NGINX, REDIS, CRON = Account("nginx.service"), Account("redis.service"), Account("cron.service")
SESSIONS, OTHERS = Account("user-1000.slice", 1000), Account("user-1001.slice", 1001)

Item = t.Tuple[Account, int]


def account(item: Item) -> Account:
    return item[0]


def items(**counts: int) -> t.List[Item]:
    """Items of the accounts above by their names, those with most of them first."""
    return [(globals()[name], at) for name, count in counts.items() for at in range(count)]


def amounts(chosen: t.Sequence[Item]) -> t.Dict[Account, int]:
    found: t.Dict[Account, int] = {}
    for item in chosen:
        found[item[0]] = found.get(item[0], 0) + 1
    return found


def test_everything_is_shown_where_there_is_room() -> None:
    all_of_them = items(SESSIONS=3, NGINX=1)
    assert share_out(all_of_them, 4, account) == all_of_them
    assert share_out(all_of_them, 0, account) == all_of_them, "0 is no limit"


def test_one_user_takes_no_place_of_others() -> None:
    chosen = share_out(items(SESSIONS=205, OTHERS=3, NGINX=2, REDIS=1), 20, account)
    assert amounts(chosen) == {SESSIONS: 14, OTHERS: 3, NGINX: 2, REDIS: 1}
    assert chosen == sorted(chosen, key=items(SESSIONS=205, OTHERS=3, NGINX=2, REDIS=1).index), "the order stays"
    assert [at for owner, at in chosen if owner == SESSIONS] == list(range(14)), "the most important of each"


def test_the_hosts_own_comes_before_peoples_where_not_even_each_gets_one() -> None:
    assert amounts(share_out(items(SESSIONS=9, OTHERS=9, NGINX=9, REDIS=9), 2, account)) == {NGINX: 1, REDIS: 1}


def test_subordinate_users_in_a_unit_take_no_place_of_others() -> None:
    """65536 users may be one person's: in a unit of the system (cron) each of them would be another."""
    crowd = [(Account("cron.service", 100_000 + number), 0) for number in range(300)]
    mine = [(Account("cron.service", 1001), at) for at in range(2)]
    chosen = share_out([*crowd, *mine, (CRON, 0), (NGINX, 0), (NGINX, 1)], 10, account)
    found = amounts(chosen)
    assert (found[CRON], found[NGINX], found[mine[0][0]]) == (1, 2, 1)


def test_what_is_wrong_comes_before_what_is_not_whoever_has_it() -> None:
    chosen = share_out(items(NGINX=5, SESSIONS=5), 4, account, lambda item: 0 if item[0] == SESSIONS else 1)
    assert amounts(chosen) == {SESSIONS: 4}


def test_of_people_only_so_many_are_shown_even_where_there_is_room() -> None:
    """A report with hundreds of findings that concern one user's scripts is read by nobody."""
    all_of_them = [*items(NGINX=30, SESSIONS=205), *((Account("cron.service", 1000 + at), at) for at in range(30))]
    found = amounts(share_out(all_of_them, 200, account, most_of_people=5))
    assert (found[NGINX], found[SESSIONS]) == (30, 5)
    assert [owner.user for owner in found if owner.place == "cron.service"] == [1000, 1001, 1002, 1003, 1004]


def test_what_is_cut_is_counted_with_whose_it_is() -> None:
    all_of_them = items(SESSIONS=205, NGINX=5)
    shown = share_out(all_of_them, 20, account)
    found = cut(all_of_them, shown, account, lambda item: {"groups": 1, "connections": 2}, ["groups", "connections"])
    assert found == {
        "groups": 190, "connections": 380,
        "whose": [{"unit": "user-1000.slice", "user": 1000, "groups": 190, "connections": 380}],
    }  # fmt: skip
    assert cut(shown, shown, account, lambda item: {"groups": 1}, ["groups"]) == {"groups": 0, "whose": []}


def test_the_list_of_those_who_are_cut_is_bounded_and_fair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "MOST_ACCOUNTS", 2)
    crowd = [(Account("cron.service", 100_000 + number), at) for number in range(300) for at in range(3)]
    found = cut([*crowd, (NGINX, 0)], [], account, lambda item: {"groups": 1}, ["groups"])
    assert found["groups"] == 901
    assert [each["unit"] for each in found["whose"]] == ["cron.service", "nginx.service"]


def test_those_of_whom_most_is_cut_are_named_first_then_by_name() -> None:
    sizes = {Account("b.service"): 2, Account("c.service"): 3, Account("a.service"): 2, Account("a.service", 1000): 2}
    rest = [(owner, at) for owner, size in sizes.items() for at in range(size)]
    large = {"b.service": 90, "c.service": 1, "a.service": 7}
    counts = ["groups", "connections"]
    found = cut(rest, [], account, lambda item: {"connections": large[item[0].place], "groups": 1}, counts)
    assert found == {
        "groups": 9,
        "connections": 211,
        "whose": [
            {"unit": "c.service", "user": None, "groups": 3, "connections": 3},
            {"unit": "a.service", "user": None, "groups": 2, "connections": 14},
            {"unit": "a.service", "user": 1000, "groups": 2, "connections": 14},
            {"unit": "b.service", "user": None, "groups": 2, "connections": 180},
        ],
    }


@pytest.mark.parametrize(("accounts", "named"), [(20, 20), (21, 20)])
def test_twenty_of_those_who_are_cut_are_named(accounts: int, named: int) -> None:
    rest = [(Account(f"{number:02}.service"), 0) for number in range(accounts)]
    found = cut(rest, [], account, lambda item: {"groups": 1}, ["groups"])
    assert (found["groups"], len(found["whose"])) == (accounts, named)


@pytest.mark.parametrize(
    ("path", "unit", "user", "expected"),
    [
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", 1000, SESSIONS),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/a.service", "user@1000.service", 1000, SESSIONS),
        ("/user.slice/user-1000.slice/user@1000.service/x", "user@1000.service", 100_005, SESSIONS),
        ("/user.slice/user-1000.slice", "", 1000, SESSIONS),
        ("/system.slice/nginx.service", "nginx.service", 33, NGINX),
        ("/system.slice/system-worker.slice/worker@7.service", "worker@7.service", 0, Account("worker@.service")),
        ("/system.slice/cron.service", "cron.service", 1000, Account("cron.service", 1000)),
        ("/system.slice/cron.service", "cron.service", 100_005, Account("cron.service", 100_005)),
        ("/system.slice/run.service", "run.service", 61_200, Account("run.service")),
        ("/system.slice/nginx.service/user.slice/user-1000.slice", "nginx.service", 33, NGINX),
        ("/user.slice/user-1000.slicer", "", 33, Account("")),
        ("/", "", 33, Account("")),
    ],
)
def test_on_whose_account_a_process_goes(
    tmp_path: pathlib.Path, path: str, unit: str, user: int, expected: Account
) -> None:
    (tmp_path / "42").mkdir()
    (tmp_path / "42" / "cgroup").write_text(f"0::{path}\n")
    (tmp_path / "42" / "status").write_text(f"Name:\tx\nUid:\t{user}\t{user}\t{user}\t{user}\n")
    assert account_of(42, unit, Proc(str(tmp_path))) == expected


def test_a_managers_own_group_is_no_part_of_the_path(tmp_path: pathlib.Path) -> None:
    for pid, place in (("1", "init.scope"), ("42", "user.slice/user-1000.slice/session-3.scope")):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(f"0::/machine/h/{place}\n")
    assert account_of(42, "session-3.scope", Proc(str(tmp_path))) == SESSIONS
    (tmp_path / "1" / "cgroup").unlink()
    assert account_of(42, "", Proc(str(tmp_path))) == Account("")


def test_who_is_a_person() -> None:
    assert [user for user in (0, 33, 999, 1000, 60_000, 61_200, 65_534, 100_000) if is_person(user)] == [
        1000, 60_000, 100_000,
    ]  # fmt: skip
