# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the libraries of a host are made from and for: the part of the manifest that says whether they are still right.

Pure functions over plain data.
"""

from __future__ import annotations

import typing as t

from .build import BuildError, Platform, digest_of_sources
from .manifest import MANIFEST, is_file_name, parse_manifest, sha256
from .multilib import Layout, links
from .prebuilt import Choice, Variants
from .table import FOREIGN, file_of

Made = t.Dict[str, t.Optional[str]]
"""As in the manifest; None for what cannot be known now, and is compared with nothing."""

Contents = t.Mapping[str, bytes]


class Kinds(t.NamedTuple):
    """The programs of other kinds that the host runs, and what they get."""

    words: t.Dict[str, str]
    """For each folder that C($LIB) stands for V(links), V(made), or why there are no libraries in it."""
    layout: t.Optional[Layout] = None
    """What is to be compiled for them; None for nothing."""
    made: t.Mapping[str, t.Optional[str]] = {}
    """Part of what the libraries are made from."""


def made_from_sources(
    platform: Platform,
    sources: str,
    cc: str,
    cflags: t.Optional[str],
    ldflags: t.Optional[str],
    compiler: t.Optional[str],
) -> Made:
    """Return what compiled libraries are made from.

    :param sources: their digest.
    :param compiler: its version; None where it is not known.
    """
    flags = {"cflags": cflags, "ldflags": ldflags}
    return {
        "machine": platform.machine,
        "libc": platform.libc,
        "sources": sources,
        "cc": cc,
        "compiler": compiler,
        **{name: text for name, text in flags.items() if text is not None},
    }


def made_elsewhere(platform: Platform, chosen: Choice, manifests: t.Mapping[str, str]) -> Made:
    """Return what libraries are made from that another host has compiled for this one.

    :raises BuildError: the manifest that came with them does not say it.
    """
    manifest = parse_manifest(manifests.get(chosen.variant, ""))
    if manifest is None or "sources" not in manifest.made:
        raise BuildError(f"prebuilt: {chosen.variant} has no {MANIFEST} that names its sources, as delegated demands")
    built_on = f"{manifest.made.get('machine')}, {manifest.made.get('libc')}"
    return {**manifest.made, "machine": platform.machine, "libc": platform.libc, "built_on": built_on}


def made_of_prebuilt(platform: Platform, chosen: Choice, variants: Variants) -> Made:
    """Return what stands for the origin of libraries that were brought: their own checksums."""
    digests = {name: sha256(content) for name, content in variants[chosen.variant].items()}
    return {
        "machine": platform.machine,
        "libc": platform.libc,
        "prebuilt": digest_of_sources(digests),
        "variant": chosen.variant,
    }


def digest_of(sources: t.Mapping[str, t.Any]) -> str:
    """Return the digest of sources that came as an argument.

    :raises BuildError: they are none.
    """
    if not sources:
        raise BuildError("sources: empty; call this module as a task, whose action sends the collection's own")
    for name, content in sources.items():
        if not is_file_name(name) or not isinstance(content, str):
            raise BuildError(f"sources: {name!r} must be a plain file name with the file's text as its value")
    return digest_of_sources(sources)


def kinds_to_compile(layout: t.Optional[Layout], compiler: t.Optional[str], unable: t.Mapping[str, str]) -> Kinds:
    """Return for which other kinds a host's compiler makes libraries.

    :param layout: None where all programs of the host are of one kind, or none of another kind count.
    :param compiler: its version; None where there is none.
    :param unable: by folder why it cannot compile for its programs.
    """
    if layout is None:
        return Kinds({})
    if compiler is None:  # as for the compiler itself: what it made is still right
        return Kinds(dict.fromkeys([layout.native, *layout.others], "no compiler is there"), None, {"multilib": None})
    possible = layout._replace(others={lib: layout.others[lib] for lib in layout.others if lib not in unable})
    native = "links" if possible.others else "not needed without the others"
    words = {layout.native: native, **{lib: unable.get(lib, "made") for lib in layout.others}}
    return Kinds(words, possible, {"multilib": possible.text()}) if possible.others else Kinds(words)


def kinds_among(names: t.Iterable[str], layout: t.Optional[Layout]) -> Kinds:
    """Return the kinds for which there are libraries among files that were not compiled here."""
    names = list(names)
    words = {
        lib: "made" if any(name.startswith(f"{lib}/") for name in names) else "not among the prebuilt files"
        for lib in (layout.others if layout else ())
    }
    if layout and "made" in words.values():
        words[layout.native] = "links"
    return Kinds(words)


def for_this_host(files: Contents, layout: t.Optional[Layout]) -> t.Dict[str, bytes]:
    """Return of prebuilt files those that this host's loaders look for, with the links that lead to them."""
    folders = tuple(f"{lib}/" for lib in (layout.others if layout else ()))
    own = {
        name: content for name, content in files.items()
        if file_of(name).kind != FOREIGN or name.startswith(folders)
    }  # fmt: skip
    if layout and any(name.startswith(folders) for name in own):
        own.update(links(layout))
    return own
