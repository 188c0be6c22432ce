# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does a service see the folder of the libraries? Its unit may give it another root, or hide or lock what is there.

All is asked of systemd, which has read the unit's files and drop-ins and expanded their specifiers (systemd.exec(5)).
"""

from __future__ import annotations

import os
import typing as t

from ..linux import systemd
from ..linux.quoting import shown_words
from ..settings.options import LIBRARY_DIR
from .preflight import Obstacle


def mount_problems(name: str, properties: systemd.Properties) -> t.List[Obstacle]:
    """Return what keeps the libraries from the service's processes, and how to bring them there."""
    rooted = [Obstacle(None, f"{name}: {text}", cure) for text, cure in _root(properties)]
    return rooted + [Obstacle(None, f"{name}: {text}", "unit") for text in _hidden(properties)]


def _root(properties: systemd.Properties) -> t.List[t.Tuple[str, str]]:
    """Return each text, and which program gets past it: what attaches one at the unit's start would be in that root."""
    found = []
    bound = _bound(properties)
    for key in ("RootDirectory", "RootImage"):
        root = properties.get(key)
        if root and bound is None and not _is_same(root):
            text = (
                f"{key}={root} gives the service a root of its own, in which {LIBRARY_DIR} is not; "
                f"take the entry out, or bind the folder there with BindReadOnlyPaths=-{LIBRARY_DIR}"
            )
            found.append((text, "slice"))
    if bound is False:
        text = (
            f"BindReadOnlyPaths={LIBRARY_DIR}: where the folder is not there (before a rollout, after it was taken "
            f"away) the service does not start any more (226/NAMESPACE); write BindReadOnlyPaths=-{LIBRARY_DIR}"
        )
        found.append((text, ""))
    return found


def _bound(properties: systemd.Properties) -> t.Optional[bool]:
    """Tell whether the folder is bound where it is on the host, and whether the unit starts without it; None: not."""
    found: t.Optional[bool] = None
    for word in shown_words(f"{properties.get('BindPaths', '')} {properties.get('BindReadOnlyPaths', '')}"):
        source, _colon, rest = word.partition(":")
        target = rest.partition(":")[0] or source.lstrip("-")
        if source.lstrip("-").rstrip("/") == target.rstrip("/") and _holds(target):
            itself = target.rstrip("/") == LIBRARY_DIR
            found = not itself or source.startswith("-")
    return found


def _is_same(root: str) -> bool:
    """Tell whether the folder in another root is that of the host, by a mount that somebody has made."""
    try:
        return os.path.samefile(root + LIBRARY_DIR, LIBRARY_DIR)
    except OSError:
        return False


def _hidden(properties: systemd.Properties) -> t.List[str]:
    found = []
    for word in shown_words(properties.get("InaccessiblePaths", "")):
        if _holds(_plain(word)):
            found.append(
                f"InaccessiblePaths={word} hides {LIBRARY_DIR} from the service; take the path, or the entry, out"
            )
    forbidden = [_plain(word) for word in shown_words(properties.get("NoExecPaths", "")) if _holds(_plain(word))]
    allowed = [_plain(word) for word in shown_words(properties.get("ExecPaths", "")) if _holds(_plain(word))]
    if forbidden and max(map(len, forbidden)) > max(map(len, allowed), default=-1):
        nearest = max(forbidden, key=len)
        found.append(
            f"NoExecPaths={nearest} forbids to run what is in {LIBRARY_DIR}, so the loader cannot load it; "
            f"add ExecPaths=-{LIBRARY_DIR}"
        )
    return found


def _plain(word: str) -> str:
    """Return the path of a setting: '-' allows that it is missing, '+' counts from the service's root."""
    return word.lstrip("-+")


def _holds(folder: str) -> bool:
    return f"{LIBRARY_DIR}/".startswith(folder.rstrip("/") + "/")
