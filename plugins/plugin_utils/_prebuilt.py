# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read on the controller what libraries are made of: the sources, or a folder with prebuilt ones."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ..module_utils.libraries.manifest import MANIFEST, manifest_damage, read_manifest, sha256
from ..module_utils.libraries.table import FILES
from ._core import AnsibleActionFail

_SOURCES = os.path.join(os.path.dirname(__file__), "..", "..", "csrc")
_PATTERNS = ("*.c", "*.h", "*.map", "Makefile", "LICENSE")


def folder_of(action: ActionBase, prebuilt: str) -> pathlib.Path:
    """Find the folder as Ansible finds a file; then, for C(-e), from where Ansible was started."""
    try:
        return pathlib.Path(action._find_needle("files", prebuilt))
    except AnsibleError:
        if not os.path.isdir(prebuilt):
            raise
        return pathlib.Path(os.path.abspath(prebuilt))


def read_sources(folder: pathlib.Path = pathlib.Path(_SOURCES)) -> dict[str, str]:
    """Read every file that the build needs: name → content."""
    files = {path for pattern in _PATTERNS for path in folder.glob(pattern)}
    if folder / "Makefile" not in files:
        raise AnsibleActionFail(f"the collection is incomplete: no Makefile in {folder.resolve()}")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}


def read_prebuilt(folder: pathlib.Path) -> dict[str, dict[str, bytes]]:
    """Read the libraries of a folder, or of the folders in it: kind of host → file name → content."""
    if not folder.is_dir():
        raise AnsibleActionFail(f"prebuilt: {folder} is not a folder")
    variants = {place.name: _read_variant(place) for place in _places(folder) if any(place.glob("*.so"))}
    if not variants:
        raise AnsibleActionFail(f"prebuilt: neither {folder} nor the folders in it contain a .so file")
    return variants


def read_manifests(folder: pathlib.Path, variants: t.Mapping[str, t.Iterable[str]]) -> dict[str, str]:
    """Read the manifest of each kind of host that has one, for the files that were read."""
    found = {
        place.name: read_manifest(str(place), private=False) for place in _places(folder) if place.name in variants
    }
    return {
        name: manifest._replace(files={file: manifest.files[file] for file in variants[name]}).text()
        for name, manifest in found.items()
        if manifest
    }


def _places(folder: pathlib.Path) -> list[pathlib.Path]:
    if any(folder.glob("*.so")):
        return [folder]
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read_variant(folder: pathlib.Path) -> dict[str, bytes]:
    """Read one folder and compare it with its manifest, where it has one."""
    damage = manifest_damage(str(folder), private=False)
    if damage:
        raise AnsibleActionFail(
            f"prebuilt: {damage}. It says which files belong together and their sha256: copy the folder again"
        )
    manifest = read_manifest(str(folder), private=False)
    known = (path for path in folder.iterdir() if path.suffix == ".so" or path.name in FILES)
    paths = sorted((folder / name for name in manifest.files) if manifest else known)
    files: dict[str, bytes] = {}
    for path in paths:
        name = str(path.relative_to(folder))
        try:
            content = path.read_bytes()
            twin = (folder / path.name).read_bytes() if "/" in name else None
        except OSError as error:
            raise AnsibleActionFail(f"prebuilt: {error.filename} cannot be read: {error.strerror}") from error
        if content == twin:
            continue  # a link, or what a copy has made of it, by which $LIB finds the libraries: made on the host
        if manifest and sha256(content) != manifest.files[name]:
            raise AnsibleActionFail(f"prebuilt: {path} does not have the sha256 that {MANIFEST} beside it says")
        files[name] = content
    return files
