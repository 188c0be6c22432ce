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


def test_rules_that_are_like_the_one_against_ld_preload_are_not_quoted(notes: t.Callable[..., t.List[str]]) -> None:
    rules = "allow perm=any pattern=ld_preload : all\ndeny perm=any pattern=ld_preloaded : all\ndeny x\n"
    (_running, one) = notes(
        {
            **FAPOLICYD,
            "etc/fapolicyd/rules.d/1.rules": f"{rules}  deny perm=any pattern=ld_preload : all  \n",
            "etc/fapolicyd/fapolicyd.rules": "deny perm=any pattern=ld_preload : all\n",
        }
    )
    assert one.startswith(
        "fapolicyd's rule 'deny perm=any pattern=ld_preload : all' in /etc/fapolicyd/rules.d/1.rules denies programs"
    ), "where there is a folder of rules, the file is made of it"


@pytest.mark.parametrize("unit", ["fapolicyd.service.d", "other.service"])
def test_what_only_has_the_name_of_fapolicyd_is_not_it(notes: t.Callable[..., t.List[str]], unit: str) -> None:
    rule = {"etc/fapolicyd/fapolicyd.rules": "deny perm=any pattern=ld_preload : all\n"}
    assert notes({**rule, "proc/7/cgroup": f"0::/system.slice/{unit}\n", "proc/7/comm": "fapolicyd\n"}) == []


@pytest.mark.parametrize("enabled", ["N\n", ""])
def test_apparmor_that_is_off_is_no_matter(notes: t.Callable[..., t.List[str]], enabled: str) -> None:
    assert notes({**APPARMOR, "sys/module/apparmor/parameters/enabled": enabled}, "/opt") == []


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("/usr/lib/x", True), ("/usr/lib32", True), ("/usr/lib64/x", True), ("/usr/libx32/x", True), ("/lib/x", True),
        ("/lib64", True), ("/usr/library", False), ("/usr/local/lib", False), ("/opt/usr/lib/x", False),
    ],
)  # fmt: skip
def test_from_which_folders_apparmor_lets_programs_map_libraries(
    notes: t.Callable[..., t.List[str]], folder: str, known: bool
) -> None:
    assert [note.split(" is ")[0] for note in notes(APPARMOR, folder)] == ([] if known else [f"AppArmor: {folder}"])


def test_of_many_profiles_three_are_named(notes: t.Callable[..., t.List[str]]) -> None:
    for count, shown in ((3, "p0, p1, p2"), (4, "p0, p1, p2, …")):
        profiles = "".join(f"p{number} (enforce)\n" for number in range(count))
        base = {"etc/apparmor.d/abstractions/base": "  x r, # /etc/ld.so.preload\n"}
        found = notes({**APPARMOR, **base, "sys/kernel/security/apparmor/profiles": profiles}, "/opt")
        assert [note.count(f"({shown})") for note in found] == [1, 1]


def test_a_host_whose_base_rules_cannot_be_read_is_not_told_what_they_say(
    notes: t.Callable[..., t.List[str]],
) -> None:
    assert notes({**APPARMOR, "etc/apparmor.d/abstractions/base": ""}) == []


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (b"u:object_r:textrel_shlib_t:s0\0", ""),
        (b"u:r:lib_t", ""),
        (b"u:r:bin_t\0\0", "u:r:bin_t"),
        (b"lib_t", ""),
        (b"a:b", ""),
        (b"u:r:\xff:s0\0", "u:r:\ufffd:s0"),
    ],
)
def test_which_labels_are_wrong(
    notes: t.Callable[..., t.List[str]], monkeypatch: pytest.MonkeyPatch, label: bytes, shown: str
) -> None:
    monkeypatch.setattr(os, "getxattr", lambda _path, _name: label)
    said = f"SELinux is enforcing and {LIBRARY} has the label {shown}: many programs may not map it; restorecon -v"
    assert notes({"sys/fs/selinux/enforce": "1\n"}) == ([f"{said} {LIBRARY}"] if shown else [])


def test_a_library_without_a_label_does_not_hide_the_next(
    tmp_path: pathlib.Path, notes: t.Callable[..., t.List[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def label(path: str, _name: str) -> bytes:
        if path == "/a.so":
            raise OSError(95, "Operation not supported")
        return b"u:r:bin_t:s0"

    monkeypatch.setattr(os, "getxattr", label)
    notes({"sys/fs/selinux/enforce": "1"})
    assert len(security.notes(["/a.so", "/b.so"], DIR, str(tmp_path))) == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("avc:  denied { map } /etc/ld.so.preload", True),
        ("avc:  denied libkeepalive.so", True),
        (f"type=FANOTIFY resp=2 {DIR}/x", True),
        ("avc:  granted libkeepalive.so", False),
        ('apparmor="DENIED" name="/etc/passwd"', False),
    ],
)
def test_which_lines_of_a_log_are_refusals_of_ours(notes: t.Callable[..., t.List[str]], line: str, shown: bool) -> None:
    assert notes({"var/log/messages": f"  {line}  \n"}) == (
        [f"/var/log/messages has a refusal: {line}"] if shown else []
    )


def test_the_end_of_a_long_log_and_of_a_long_line_is_not_all_of_it(notes: t.Callable[..., t.List[str]]) -> None:
    line = f"avc:  denied libkeepalive {'x' * 300}"
    rest = (1 << 18) - len(line) - 1
    (note,) = notes({"var/log/syslog": f"{line}\n" + "y" * rest})
    assert note == f"/var/log/syslog has a refusal: {line[:300]}"
    assert notes({"var/log/syslog": f"{line}\n" + "y" * (rest + 1)}) == [], "its beginning is not seen any more"


def test_it_is_this_host_that_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[str] = []
    monkeypatch.setattr(security, "_read", lambda path: asked.append(path) or "")
    monkeypatch.setattr(security, "_tail", lambda path: asked.append(path) or "")
    security.notes([LIBRARY], DIR)
    assert {"/sys/module/apparmor/parameters/enabled", "/sys/fs/selinux/enforce", "/var/log/audit/audit.log"} <= {
        *asked
    }
    assert all(path.startswith("/") for path in asked)
