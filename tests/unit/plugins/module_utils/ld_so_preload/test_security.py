# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of fapolicyd, AppArmor and SELinux, on trees of files like those of hosts that have them."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.ld_so_preload import security

DIR = "/usr/lib/libkeepalive"
LIBRARY = f"{DIR}/libkeepalive.so"

FAPOLICYD = {"proc/812/cgroup": "0::/system.slice/fapolicyd.service\n"}
APPARMOR = {
    "sys/module/apparmor/parameters/enabled": "Y\n",
    "sys/kernel/security/apparmor/profiles": "/usr/sbin/chronyd (enforce)\nlsb_release (complain)\n",
    "etc/apparmor.d/abstractions/base": "  /etc/ld.so.preload r,\n",
}


@pytest.fixture(name="notes")
def notes_fixture(tmp_path: pathlib.Path) -> t.Callable[..., t.List[str]]:
    def notes(files: t.Mapping[str, str], library_dir: str = DIR) -> t.List[str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return security.notes([LIBRARY], library_dir, str(tmp_path))

    return notes


def test_a_host_without_such_tools_is_told_nothing(notes: t.Callable[..., t.List[str]]) -> None:
    assert notes({"proc/1/comm": "systemd\n", "var/log/syslog": "nothing of ours was denied\n"}) == []


def test_fapolicyd_is_named_with_what_trusts_the_libraries(notes: t.Callable[..., t.List[str]]) -> None:
    (note,) = notes(FAPOLICYD)
    assert f"fapolicyd-cli --file add {DIR}/ && fapolicyd-cli --update" in note


@pytest.mark.parametrize(
    "path", ["etc/fapolicyd/rules.d/30-patterns.rules", "etc/fapolicyd/fapolicyd.rules"], ids=["folder", "file"]
)
def test_its_rule_against_ld_preload_is_quoted_with_its_file(notes: t.Callable[..., t.List[str]], path: str) -> None:
    rule = "deny_audit perm=any pattern=ld_preload : all"
    found = notes({**FAPOLICYD, path: f"# deny perm=any pattern=ld_preload : all\n{rule}\nallow perm=open all : all\n"})
    assert [note for note in found if "denies programs that have LD_PRELOAD" in note] == [found[1]]
    assert f"'{rule}' in /{path} " in found[1]


def test_apparmor_that_allows_all_of_it_is_no_matter(notes: t.Callable[..., t.List[str]]) -> None:
    assert notes(APPARMOR) == []


def test_apparmor_that_enforces_nothing_is_no_matter(notes: t.Callable[..., t.List[str]]) -> None:
    complaining = {**APPARMOR, "sys/kernel/security/apparmor/profiles": "lsb_release (complain)\n"}
    assert notes({**complaining, "etc/apparmor.d/abstractions/base": "  /etc/ld.so.cache r,\n"}, "/opt/lib") == []


def test_apparmors_base_rules_are_read(notes: t.Callable[..., t.List[str]]) -> None:
    (note,) = notes({**APPARMOR, "etc/apparmor.d/abstractions/base": "  # /etc/ld.so.preload r,\n"})
    assert "do not let programs read /etc/ld.so.preload" in note
    assert "(/usr/sbin/chronyd)" in note, "the profiles under which it shows, and not those that only complain"


def test_a_folder_that_apparmors_base_rules_do_not_know(notes: t.Callable[..., t.List[str]]) -> None:
    (note,) = notes(APPARMOR, "/opt/keepalive")
    assert "/opt/keepalive is outside of the folders from which its base rules let programs map libraries" in note


@pytest.mark.parametrize(
    "enforce, label, said",
    [
        ("1", b"system_u:object_r:user_home_t:s0\0", [f"restorecon -v {LIBRARY}"]),
        ("1", b"system_u:object_r:lib_t:s0\0", []),
        ("0", b"system_u:object_r:user_home_t:s0\0", []),
    ],
    ids=["wrong", "right", "permissive"],
)
def test_selinuxs_label_of_the_library(
    notes: t.Callable[..., t.List[str]],
    monkeypatch: pytest.MonkeyPatch,
    enforce: str,
    label: bytes,
    said: t.List[str],
) -> None:
    monkeypatch.setattr(os, "getxattr", lambda path, name: {(LIBRARY, "security.selinux"): label}[path, name])
    found = notes({"sys/fs/selinux/enforce": enforce})
    assert [note.rpartition("; ")[2] for note in found] == said


def test_the_newest_refusals_of_our_files_are_shown(notes: t.Callable[..., t.List[str]]) -> None:
    line = 'type=AVC msg=audit({number}): avc:  denied  {{ map }} for  comm="nginx" path="{path}" permissive=0\n'
    ours = [line.format(number=number, path=LIBRARY) for number in range(5)]
    found = notes({"var/log/audit/audit.log": "".join([*ours, line.format(number=9, path="/opt/other.so")])})
    assert [note.split("audit(")[1][0] for note in found] == ["2", "3", "4"]
    assert all(note.startswith("/var/log/audit/audit.log has a refusal: type=AVC ") for note in found)


def test_a_refusal_of_apparmors_in_the_kernels_log(notes: t.Callable[..., t.List[str]]) -> None:
    line = 'kernel: audit: type=1400 apparmor="DENIED" operation="open" name="/etc/ld.so.preload" comm="chronyd"'
    assert notes({"var/log/kern.log": f"{line}\n{line.replace('DENIED', 'ALLOWED')}\n"}) == [
        f"/var/log/kern.log has a refusal: {line}"
    ]
