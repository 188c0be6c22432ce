# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to become of the libraries of a host: from what is asked and what is there to one plan.

Pure functions over plain data. The module looks, has the plan made, and carries it out; check mode says what it says.
"""

from __future__ import annotations

import os
import typing as t

from .build import Platform
from .made import (
    Kinds,
    Made,
    digest_of,
    for_this_host,
    kinds_among,
    kinds_to_compile,
    made_elsewhere,
    made_from_sources,
    made_of_prebuilt,
)
from .manifest import InstalledFile, Manifest, changes_since, damages_seen, sha256
from .multilib import Layout
from .prebuilt import choose_variant
from .table import BPF, FILES, is_preload

NOTHING = "nothing"
"""What is installed is right, but perhaps for modes, owners and labels, which are put right in place."""
COMPILE = "compile"
"""Compiled on this host."""
PREBUILT = "prebuilt"
"""Installed as they came, be it from a folder of the user's or from the host that compiles for this one."""
DELEGATED = "delegated"
"""Compiled on another host, which has not done it yet."""

PYTHON = "python"
"""Nothing can be compiled here, and nothing has to be but keepalive-bpf, for which Python stands in."""

UNKNOWN = "known after the build"

Result = t.Dict[str, t.Any]


class Asked(t.NamedTuple):
    """What the task wants of the libraries."""

    folder: str
    cc: str = "cc"
    cflags: t.Optional[str] = None
    ldflags: t.Optional[str] = None
    sources: t.Mapping[str, t.Any] = {}
    sources_digest: str = ""
    """In place of the sources, where they are compiled on another host."""
    variants: t.Mapping[str, t.Mapping[str, bytes]] = {}
    """What was sent to be installed as it is; empty for nothing."""
    manifests: t.Mapping[str, str] = {}
    """By variant."""
    delegated: bool = False
    waits: bool = False
    """Where something else has to be done first, do nothing and say so."""
    helper: bytes = b""
    """keepalive-bpf in Python, where that alone is wanted, see V(PYTHON)."""

    @property
    def compiles(self) -> bool:
        """Whether a compiler of this host is needed, should the libraries have to be made."""
        return not self.variants and not self.delegated and not self.helper


class Seen(t.NamedTuple):
    """What the host has."""

    platform: Platform
    layout: t.Optional[Layout] = None
    """Of the programs of other kinds, where they count."""
    compiler: t.Optional[str] = None
    """Its version; None where there is none, and where it does not matter."""
    no_compiler: str = ""
    """What is missing to compile; empty for nothing, and where it does not matter."""
    unable: t.Mapping[str, str] = {}
    """For which kinds the compiler cannot compile, and why."""
    installed: t.Optional[Manifest] = None
    doubt: str = ""
    """Why what is installed may be another's work, the manifest too."""
    damage: str = ""
    """Why the manifest that is there is not believed."""
    files: t.Mapping[str, InstalledFile] = {}
    """By name what is there of the files that the manifest names and those that were sent."""


class Plan(t.NamedTuple):
    """What is done, from what, and why."""

    source: str
    """V(NOTHING), V(COMPILE), V(PREBUILT), V(DELEGATED) or V(PYTHON)."""
    folder: str
    platform: Platform
    waits: bool = False
    """Nothing is done in this run: something else has to be done before."""
    reasons: t.Tuple[str, ...] = ()
    obstacle: str = ""
    """What is missing to compile."""
    made: t.Mapping[str, t.Optional[str]] = {}
    """For the manifest."""
    kinds: Kinds = Kinds({})
    contents: t.Mapping[str, bytes] = {}
    """What is installed, where it is known before it is made."""
    files: t.Mapping[str, t.Optional[str]] = {}
    """Name → SHA-256 of what is there when it has been carried out; None where the build tells."""
    replaced: t.FrozenSet[str] = frozenset()
    """Those of them whose bytes are, or may be, new."""
    installed: t.Optional[Manifest] = None
    """What is there and counts."""
    compiler: str = ""
    needs_compiler: bool = False
    needs_build: bool = False
    left_out: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()

    @property
    def manifest(self) -> Manifest:
        """The manifest that is foretold."""
        made = {key: value or UNKNOWN for key, value in self.made.items()}
        return Manifest(made, {name: checksum or UNKNOWN for name, checksum in self.files.items()})

    def result(
        self,
        changed: bool,
        reasons: t.Iterable[str],
        files: t.Optional[t.Mapping[str, t.Optional[str]]] = None,
        replaced: t.Optional[t.Collection[str]] = None,
    ) -> Result:
        """Return what the module says of it.

        :param files: what was made in fact; by default what was foretold.
        """
        files = self.files if files is None else files
        new = self.replaced if replaced is None else replaced
        described = {
            name: {"path": os.path.join(self.folder, name), "sha256": files[name], "changed": name in new}
            for name in sorted(files)
        }
        return {
            "libc": self.platform.libc,
            "machine": self.platform.machine,
            "compiler": self.compiler,
            "needs_compiler": self.needs_compiler,
            "needs_build": self.needs_build,
            "left_out": list(self.left_out),
            "multilib": self.kinds.words,
            "changed": changed,
            "libraries": {name: row for name, row in described.items() if is_preload(name)},
            "other_files": {name: row for name, row in described.items() if not is_preload(name)},
            "reason": "; ".join(reasons),
        }


def plan_libraries(asked: Asked, seen: Seen) -> Plan:
    """Decide what is done.

    :raises BuildError: what was sent cannot be used; the text says why.
    """
    if asked.helper:
        return _by_python(asked, seen)
    chosen = choose_variant(asked.variants, seen.platform) if asked.variants else None
    installed = None if seen.doubt else seen.installed
    contents = for_this_host(chosen.files, seen.layout) if chosen else {}
    if asked.compiles:
        kinds = kinds_to_compile(seen.layout, seen.compiler, seen.unable)
    else:
        kinds = kinds_among(chosen.files if chosen else installed.files if installed else (), seen.layout)
    made: Made
    if chosen and not asked.delegated:
        made = made_of_prebuilt(seen.platform, chosen, asked.variants)
    elif chosen:
        made = made_elsewhere(seen.platform, chosen, asked.manifests)
    else:
        made = {**_made_from_sources(asked, seen), **kinds.made}
    plan = Plan(
        COMPILE if asked.compiles else PREBUILT if chosen else DELEGATED,
        asked.folder,
        seen.platform,
        made=made,
        kinds=kinds,
        contents=contents,
        installed=installed,
        compiler=made.get("compiler") or "",
        left_out=tuple(chosen.left_out) if chosen else (),
        warnings=_warnings(asked.folder, seen),
    )
    reasons = _reasons(seen, installed, made)
    if installed and not reasons:
        return plan._replace(source=NOTHING, files=installed.files, compiler=installed.made.get("compiler", ""))
    return _to_be_made(plan._replace(reasons=tuple(reasons)), asked, seen)


def _by_python(asked: Asked, seen: Seen) -> Plan:
    installed = None if seen.doubt else seen.installed
    checksum = sha256(asked.helper)
    made: Made = {"python": checksum}
    plan = Plan(
        PYTHON, asked.folder, seen.platform, made=made, installed=installed, warnings=_warnings(asked.folder, seen)
    )
    reasons = _reasons(seen, installed, made)
    if installed and not reasons:
        return plan._replace(source=NOTHING, files=installed.files)
    return plan._replace(
        reasons=tuple(reasons), contents={BPF: asked.helper}, files={BPF: checksum}, replaced=frozenset([BPF])
    )


def _to_be_made(plan: Plan, asked: Asked, seen: Seen) -> Plan:
    old = plan.installed.files if plan.installed else {}
    needs_compiler, needs_build = bool(seen.no_compiler), plan.source == DELEGATED
    plan = plan._replace(needs_compiler=needs_compiler, needs_build=needs_build, obstacle=seen.no_compiler)
    if asked.waits and (needs_compiler or needs_build):
        return plan._replace(waits=True, files=old)
    if plan.source == PREBUILT:
        files: t.Dict[str, t.Optional[str]] = {name: sha256(content) for name, content in plan.contents.items()}
        new = frozenset(name for name in files if seen.files[name].sha256 != files[name])
        return plan._replace(files=files, replaced=new)
    files = dict.fromkeys(sorted({*FILES, *old}))
    return plan._replace(files=files, replaced=frozenset(files))


def _made_from_sources(asked: Asked, seen: Seen) -> Made:
    digest = asked.sources_digest if asked.delegated and not asked.sources else ""
    made = made_from_sources(
        seen.platform, digest or digest_of(asked.sources), asked.cc, asked.cflags, asked.ldflags, seen.compiler
    )
    made["built_on"] = None  # who compiled it here or elsewhere of the same sources has compiled the same
    if asked.delegated:
        made["multilib"] = None  # what the other host's compiler can make is not known now
    return made


def _reasons(seen: Seen, installed: t.Optional[Manifest], made: Made) -> t.List[str]:
    if seen.doubt:
        return [f"others could change what is installed: {seen.doubt}"]
    return changes_since(installed, made) + (damages_seen(installed, seen.files) if installed else [])


def _warnings(folder: str, seen: Seen) -> t.Tuple[str, ...]:
    if not seen.damage or seen.doubt:
        return ()
    return (f"{seen.damage}. The libraries count as not installed; what it named besides them stays in {folder}",)
