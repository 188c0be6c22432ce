# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packages of a distribution bring a C compiler, make and the C library's headers."""

from __future__ import annotations

import typing as t

from ..linux import below_root

_GLIBC_DEVEL = ("gcc", "glibc-devel", "make")

PACKAGES: t.Mapping[str, t.Sequence[str]] = {
    "debian": ("gcc", "libc6-dev", "make"),
    # As the distributions' spec files name them; nothing of it was run: docs/platforms.md.
    **dict.fromkeys(("rhel", "fedora", "centos"), _GLIBC_DEVEL),
    **dict.fromkeys(("suse", "opensuse", "sles"), _GLIBC_DEVEL),  # by community.general.zypper
}
"""By C(ID) or C(ID_LIKE) of os-release(5)."""

_LONGEST = 1 << 16
"""Bytes of a file."""


def packages_for(families: t.Iterable[str]) -> t.List[str]:
    """Return the names of the packages; none where they are not known.

    :param families: see distribution().
    """
    return next((list(PACKAGES[family]) for family in families if family in PACKAGES), [])


def distribution(os_release: str = "/etc/os-release") -> t.List[str]:
    """Return the distribution and those that it is like, as os-release(5) says; empty where nothing says it."""
    try:
        with below_root.find(os_release) as found, found.open() as stream:
            text = stream.read(_LONGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    said: t.Dict[str, str] = {}
    for line in text.splitlines():
        key, _equals, value = line.partition("=")
        said[key] = value.strip("\"'")
    return f"{said.get('ID', '')} {said.get('ID_LIKE', '')}".split()


def packages_unknown(families: t.Sequence[str], host: str, reason: str) -> str:
    """Say that a compiler cannot be installed, and what to do."""
    return (
        f"The libraries must be compiled on {host} and there is no C compiler ({reason}). The package names of this "
        f"distribution ({' '.join(families) or 'unknown'}) are not known to this role: set keepalive_build_packages to "
        "those that bring a C compiler, make and the C library's headers, or set keepalive_build_prebuilt to a folder "
        "with libraries that were compiled elsewhere."
    )
