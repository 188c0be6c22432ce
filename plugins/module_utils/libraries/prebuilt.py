# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that were compiled on another host: unpack and check them, and choose those that fit this one.

Such files come as variants, one for each kind of host: name of the variant → file name → content. Those in folders
below, for programs of other kinds, are left to who knows the loaders of the host.
"""

from __future__ import annotations

import base64
import io
import re
import typing as t

from ..linux.elf import MAGIC, ElfError, parse_elf
from ..linux.libc import Release, dotted, libc_named, libc_of, newest_glibc, release_of
from .build import BuildError, Platform, machine_of
from .manifest import MANIFEST, is_file_name, parse_manifest, sha256
from .table import FOREIGN, PROGRAM, file_of, is_preload

Variants = t.Mapping[str, t.Mapping[str, bytes]]


class _Damaged(Exception):
    """A file is not what its name says, so that nothing beside it deserves trust."""


class Choice(t.NamedTuple):
    """What of the variants a host is to have."""

    variant: str
    files: t.Dict[str, bytes]
    left_out: t.List[str]
    """Files beside the preload libraries that do not fit the host, each with the reason; it does without them."""


def kind_of(host: Platform) -> str:
    """Return a folder name for everything that is compiled on such a host, e.g. V(x86_64-64-bit-glibc-2.36)."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{host.machine} {host.libc}")


def is_kind(name: t.Any) -> bool:
    """Tell whether kind_of can have made a name: it comes from another host, and names a folder."""
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) is not None


def pack(files: t.Mapping[str, bytes]) -> t.Dict[str, str]:
    """For a module's arguments and results."""
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


def unpack(variants: t.Any, manifests: t.Mapping[str, t.Any]) -> t.Dict[str, t.Dict[str, bytes]]:
    """Unpack what came over the wire.

    :param manifests: by variant the text of its manifest; the files must have the checksums that it says.
    :raises ValueError: it is not of that form, or a file is not as it was sent.
    """
    try:
        unpacked = {
            str(variant): {name: base64.b64decode(text, validate=True) for name, text in files.items()}
            for variant, files in variants.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"not kind of host → file name → Base64: {error}") from error
    if not unpacked:
        raise ValueError("empty")
    for variant, files in unpacked.items():
        wrong = [name for name in files if not is_file_name(name)]
        if wrong or not any(name.endswith(".so") for name in files):
            raise ValueError(f"{variant}: {wrong or 'no .so files'}; expected plain names of libraries")
    for variant, text in manifests.items():
        manifest = parse_manifest(text)
        if manifest is None:
            raise ValueError(f"{variant}: what came as its {MANIFEST} is none")
        for name, wanted in manifest.files.items():
            if sha256(unpacked.get(variant, {}).get(name, b"")) != wanted:
                raise ValueError(f"{variant}: {name} did not arrive with the sha256 of its {MANIFEST}")
    return unpacked


def choose_variant(variants: Variants, host: Platform) -> Choice:
    """Choose the variant that fits a host: of several the most complete one, then the one made for the newest glibc.

    :raises BuildError: none fits; the text says of each why.
    """
    fitting: t.List[t.Tuple[int, Release, str]] = []
    fits: t.Dict[str, Choice] = {}
    reasons: t.List[str] = []
    for variant in sorted(variants):
        try:
            problems, release = _examine(variants[variant], host)
        except _Damaged as damage:
            reasons.append(f"{variant}: {damage}")
            continue
        essential = [problem for name, problem in problems.items() if is_preload(name)]
        if essential:
            reasons.append(f"{variant}: {essential[0]}")
            continue
        files = {name: content for name, content in variants[variant].items() if name not in problems}
        fits[variant] = Choice(variant, files, sorted(problems.values()))
        fitting.append((-len(problems), release, variant))
    if not fitting:
        raise BuildError(f"no prebuilt libraries fit this host ({host.machine}, {host.libc}): {'; '.join(reasons)}")
    return fits[max(fitting)[2]]


def needed_libc(files: t.Mapping[str, bytes]) -> str:
    """Return the oldest C library that does for all the files, e.g. V(glibc 2.34); nothing where they need none."""
    needs: Release = ()
    libc = ""
    for name in files:
        if _is_elf(name, files[name]):
            elf = parse_elf(io.BytesIO(files[name]))
            libc = libc_of(elf) or libc
            needs = max(needs, newest_glibc(elf))
    return f"glibc {dotted(needs)}" if needs else libc


def _examine(files: t.Mapping[str, bytes], host: Platform) -> t.Tuple[t.Dict[str, str], Release]:
    """Return what speaks against each file that does not fit, and the glibc release that the others need."""
    problems: t.Dict[str, str] = {}
    release: Release = ()
    for name in sorted(files):
        if not _is_elf(name, files[name]):
            continue
        problem, needs = _problem(name, files[name], host)
        if problem:
            problems[name] = problem
        else:
            release = max(release, needs)
    return problems, release


def _is_elf(name: str, content: bytes) -> bool:
    """Whether the file is for programs of one kind, the host's: libraries, and programs that are no scripts."""
    kind = file_of(name).kind
    return kind != FOREIGN and (name.endswith(".so") or (kind == PROGRAM and content.startswith(MAGIC)))


def _problem(name: str, content: bytes, host: Platform) -> t.Tuple[str, Release]:
    try:
        elf = parse_elf(io.BytesIO(content))
    except ElfError as error:
        raise _Damaged(f"{name}: {error}") from error
    if machine_of(elf) != host.machine:
        return f"{name} is for {machine_of(elf)}", ()
    libc, _space, version = host.libc.partition(" ")
    strangers = [library for library in elf.needed if libc_named(library) not in ("", libc)]
    if strangers:
        return f"{name} is linked with another C library ({', '.join(strangers)})", ()
    needs = newest_glibc(elf)
    if libc == "glibc" and needs > release_of(version):
        return f"{name} needs glibc {dotted(needs)}", ()
    return "", needs
