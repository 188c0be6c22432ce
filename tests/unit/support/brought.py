# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders with libraries that were compiled elsewhere, and keys with which OpenSSH signs them."""

from __future__ import annotations

import pathlib
import subprocess
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manifest import Manifest, sha256

NAMESPACE = "netops.keepalive"


def bring(folder: pathlib.Path, files: t.Mapping[str, bytes]) -> Manifest:
    """Make a set as build_keepalive makes it; return its manifest."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = Manifest({"sources": "x"}, {name: sha256(content) for name, content in files.items()})
    (folder / "manifest.json").write_text(manifest.text())
    return manifest


def make_key(path: pathlib.Path) -> str:
    """Make a key that signs; return what it is to others."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return pathlib.Path(f"{path}.pub").read_text().strip()


def sign(folder: pathlib.Path, key: pathlib.Path, namespace: str = NAMESPACE) -> None:
    """Sign a set, as docs say it."""
    (folder / "manifest.json.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key), "manifest.json"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
