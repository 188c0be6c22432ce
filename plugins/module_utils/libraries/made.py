# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the libraries of a host are made of and for: the part of the manifest that says whether they are still right."""

from __future__ import annotations

import typing as t

from . import build, multilib, prebuilt
from . import manifest as libraries_manifest
from .table import FOREIGN, file_of

Params = t.Mapping[str, t.Any]
"""The parameters of the module preload_libraries."""


def made_of(
    params: Params, host: build.Host, chosen: t.Optional[prebuilt.Choice], variants: prebuilt.Variants
) -> t.Dict[str, t.Optional[str]]:
    """What the libraries would be made from and for now, for the manifest; None for what is not to be compared."""
    made: t.Dict[str, t.Optional[str]] = {"machine": host.machine, "libc": host.libc}
    if chosen and not params["delegated"]:
        digests = {name: libraries_manifest.sha256(content) for name, content in variants[chosen.variant].items()}
        return {**made, "prebuilt": build.digest_of_sources(digests), "variant": chosen.variant}
    made["built_on"] = None  # who compiled it here or elsewhere of the same sources has compiled the same
    if params["delegated"] and not chosen:
        made["multilib"] = None  # what the other host's compiler can make is not known now
    if chosen:
        manifest = libraries_manifest.parse((params["prebuilt_manifests"] or {}).get(chosen.variant, ""))
        if manifest is None or "sources" not in manifest.made:
            raise build.BuildError(
                f"prebuilt: {chosen.variant} has no {libraries_manifest.NAME} that names its sources, as"
                " delegated demands"
            )
        built_on = f"{manifest.made.get('machine')}, {manifest.made.get('libc')}"
        return {**manifest.made, **made, "built_on": built_on}
    made.update(_from_sources(params))
    return made


def other_kinds(layout: t.Optional[multilib.Layout], made: t.Dict[str, t.Optional[str]], cc: str) -> t.Dict[str, str]:
    """What can be made for programs of other kinds; part of what the libraries are made from."""
    if layout is None:
        return {}
    if made["compiler"] is None:
        made["multilib"] = None  # as for the compiler: what it made is still right
        return dict.fromkeys([layout.native, *layout.others], "no compiler is there")
    reasons = multilib.can_compile(layout, cc)
    possible = [lib for lib in layout.others if lib not in reasons]
    if possible:
        made["multilib"] = ", ".join([layout.native, *sorted(possible)])
    native = "links" if possible else "not needed without the others"
    return {layout.native: native, **{lib: reasons.get(lib, "made") for lib in layout.others}}


def for_this_host(
    files: t.Mapping[str, bytes], layout: t.Optional[multilib.Layout]
) -> t.Tuple[t.Dict[str, bytes], t.Dict[str, str]]:
    """Of prebuilt files those that this host's loaders look for, and a word on each folder that $LIB stands for."""
    own = {name: content for name, content in files.items() if file_of(name).kind != FOREIGN}
    others: t.Dict[str, str] = {}
    for lib in layout.others if layout else ():
        there = {name: content for name, content in files.items() if name.startswith(f"{lib}/")}
        own.update(there)
        others[lib] = "made" if there else "not among the prebuilt files"
    if layout and "made" in others.values():
        own.update(multilib.links(layout))
        others[layout.native] = "links"
    return own, others


def _from_sources(params: Params) -> t.Dict[str, t.Optional[str]]:
    delegated = params["delegated"]
    sources = params["sources"]
    if not sources and not (delegated and params["sources_digest"]):
        raise build.BuildError("sources: empty; call this module as a task, whose action sends the collection's own")
    for name, content in (sources or {}).items():
        if not libraries_manifest.is_file_name(name) or not isinstance(content, str):
            raise build.BuildError(f"sources: {name!r} must be a plain file name with the file's text as its value")
    wanted: t.Dict[str, t.Optional[str]] = {
        "sources": build.digest_of_sources(sources) if sources else params["sources_digest"],
        "cc": params["cc"],
        "compiler": None if delegated else build.compiler_version(params["cc"]),
    }
    wanted.update({name: params[name] for name in ("cflags", "ldflags") if params[name] is not None})
    return wanted
