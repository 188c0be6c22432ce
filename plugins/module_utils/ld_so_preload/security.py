# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What fapolicyd, AppArmor and SELinux on this host have to say about a preloaded library. Notes, never changes."""

from __future__ import annotations

import glob
import os
import re
import typing as t

from ..linux import below_root
from ..linux.procfs import Proc

_TAIL = 1 << 18
"""Bytes of a log's end that are looked at."""
_SHOWN = 3
_LOGS = ("var/log/audit/audit.log", "var/log/kern.log", "var/log/syslog", "var/log/messages")
_LABELS = ("lib_t", "textrel_shlib_t")
"""Types that every domain of the usual policies may map as a library."""


def notes(libraries: t.Sequence[str], library_dir: str, root: str = "/") -> t.List[str]:
    """All that an operator should know before the libraries are in every process.

    :param libraries: the files themselves, with $LIB expanded.
    """
    return [
        *_fapolicyd(library_dir, root),
        *_apparmor(library_dir, root),
        *_selinux(libraries, root),
        *_denials(library_dir, root),
    ]


def _fapolicyd(library_dir: str, root: str) -> t.List[str]:
    if not _runs("fapolicyd.service", root):
        return []
    found = [
        "fapolicyd is running: it lets programs map only what it trusts. Trust the libraries first: fapolicyd-cli"
        f" --file add {library_dir}/ && fapolicyd-cli --update"
    ]
    for path in sorted(glob.glob(os.path.join(root, "etc/fapolicyd/rules.d/*.rules"))) or [
        os.path.join(root, "etc/fapolicyd/fapolicyd.rules")
    ]:
        for line in _read(path).split("\n"):
            if re.match(r"\s*deny\w*\s.*\bpattern=ld_preload\b", line):
                found.append(
                    f"fapolicyd's rule '{line.strip()}' in {_shown(path, root)} denies programs that have LD_PRELOAD in"
                    " their environment, also with trusted libraries: the trial with LD_PRELOAD fails under it, and so"
                    " do the drop-ins of keepalive_services; releases differ in whether /etc/ld.so.preload counts too"
                )
    return found


def _apparmor(library_dir: str, root: str) -> t.List[str]:
    if _read(os.path.join(root, "sys/module/apparmor/parameters/enabled")).strip() != "Y":
        return []
    profiles = _read(os.path.join(root, "sys/kernel/security/apparmor/profiles")).split("\n")
    enforced = [line.rpartition(" ")[0] for line in profiles if line.endswith("(enforce)")]
    if not enforced:
        return []
    found = []
    shown = ", ".join(enforced[:_SHOWN]) + (", …" if len(enforced) > _SHOWN else "")
    if not re.match(r"/usr/lib(32|64|x32)?/|/lib(32|64|x32)?/", library_dir + "/"):
        found.append(
            f"AppArmor: {library_dir} is outside of the folders from which its base rules let programs map libraries;"
            f" programs under an enforced profile ({shown}) will complain or start without the library"
        )
    base = _read(os.path.join(root, "etc/apparmor.d/abstractions/base"))
    if base and not re.search(r"(?m)^[^#\n]*ld\.so\.preload", base):
        found.append(
            "AppArmor: the base rules (/etc/apparmor.d/abstractions/base) do not let programs read /etc/ld.so.preload;"
            f" programs under an enforced profile ({shown}) start without the library, and the kernel logs a denial for"
            " each; from AppArmor 3.0 on, the rule '/etc/ld.so.preload r,' in"
            " /etc/apparmor.d/abstractions/base.d/keepalive allows it"
        )
    return found


def _selinux(libraries: t.Sequence[str], root: str) -> t.List[str]:
    if _read(os.path.join(root, "sys/fs/selinux/enforce")).strip() != "1":
        return []
    wrong = {}
    for path in libraries:
        try:
            label = os.getxattr(path, "security.selinux").rstrip(b"\0").decode("ascii", "replace")
        except OSError:
            continue
        fields = label.split(":")
        if len(fields) > 2 and fields[2] not in _LABELS:
            wrong[path] = label
    return [
        f"SELinux is enforcing and {path} has the label {label}: many programs may not map it; restorecon -v {path}"
        for path, label in wrong.items()
    ]


def _denials(library_dir: str, root: str) -> t.List[str]:
    """Return the newest refusals that a log has of these files."""
    lines: t.List[str] = []
    for name in _LOGS:
        path = os.path.join(root, name)
        for line in _tail(path).split("\n"):
            refused = "avc:  denied" in line or 'apparmor="DENIED"' in line or "type=FANOTIFY" in line
            if refused and (library_dir in line or "libkeepalive" in line or "ld.so.preload" in line):
                lines.append(f"{_shown(path, root)} has a refusal: {line.strip()[:300]}")
    return lines[-_SHOWN:]


def _runs(unit: str, root: str) -> bool:
    """Tell whether a service has processes. Their names would say nothing: everybody gives his own."""
    proc = Proc(os.path.join(root, "proc"))
    return os.path.isdir(proc.root) and any(proc.unit_of(pid) == unit for pid in proc.pids())


def _shown(path: str, root: str) -> str:
    return "/" + os.path.relpath(path, root)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _tail(path: str) -> str:
    try:
        with below_root.find(path) as found, found.open() as file:  # a daemon's, which may own the folder
            file.seek(max(0, found.status.st_size - _TAIL))
            return file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""
