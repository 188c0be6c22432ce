# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host-wide mode: what every process of a host is told, seen there, and decided from it what is due.

What only the seeing needs is imported there: who decides, and a host in another mode, would load it for nothing.
"""

from __future__ import annotations

import os
import typing as t

from ..host_wide import settings_file
from ..libraries.manifest import sha256_of_text
from ..units import dropin
from .decision import Aim, Told, due_restarts, of_sockets

_RIGHT = (0o100644, 0, 0)
"""Mode, owner and group of a file that every process reads."""


def look_at_every_process(use: t.Sequence[str]) -> t.Dict[str, t.Any]:
    """Tell what both files say, as far as it is right.

    :param use: the libraries that every program is to load.
    """
    from ..rollout import undo_host

    return {
        "settings_sha256": _digest(settings_file.PATH),
        "line_is_right": _line_is_right(use),
        "left": undo_host.is_noted(),
    }


def _digest(path: str) -> str:
    """Return the SHA-256 of our settings file; empty where there is none, or its mode or owner is wrong."""
    try:
        status = os.lstat(path)
        text = dropin.read_drop_in(path)
    except OSError:
        return ""
    right = (status.st_mode, status.st_uid, status.st_gid) == _RIGHT
    return sha256_of_text(text) if right and text is not None and dropin.is_ours(text) else ""


def _line_is_right(use: t.Sequence[str]) -> bool:
    from ..ld_so_preload.change import change_preload_file
    from ..ld_so_preload.request import PreloadRefused, PreloadRequest
    from ..linux.file_lock import NotLocked

    request = PreloadRequest(use=use, preflight=False, watchdog=0)
    nothing: t.Callable[..., str] = lambda *_more: ""  # noqa: E731 - in check mode nobody calls it
    try:
        change = change_preload_file(request, check=True, take=nothing, label=nothing, backup=nothing)
    except (PreloadRefused, NotLocked, OSError):
        return False
    return not change["changed"]


def host_wide_due(
    aim: Aim, told: Told, wanted: t.Mapping[str, str], settings_sha256: str, libraries: t.Sequence[str]
) -> t.List[str]:
    """Return what is to be done on a host and for whom, in a few words each; empty where nothing is.

    :param told: all that the host has told.
    :param wanted: by socket unit the SHA-256 of the drop-in that it is to have.
    :param settings_sha256: that of the settings file as it is to be.
    :param libraries: why they are not as they would be installed.
    """
    found, seen = told["found"], told["every_process"]
    units: t.Mapping[str, Told] = found["units"]
    gone = [name for name in found["dropins"] if name not in wanted]
    listed = [service["name"] for service in aim.services]
    due: t.Dict[str, t.Sequence[str]] = {
        "libraries": libraries,
        "settings file": [] if seen["settings_sha256"] == settings_sha256 else [settings_file.PATH],
        "line in /etc/ld.so.preload": [] if seen["line_is_right"] else list(aim.use),
        "drop-ins": [name for name in wanted if units[name].get("drop_in_sha256") != wanted[name]],
        "drop-ins to take away": gone,
        "restarts": due_restarts(listed, aim, units),
        "programs": [one for name in wanted for one in units[name].get("unattached", {})],
        "systemd has yet to read the files": [
            name for name in [*listed, *gone] if units.get(name, {}).get("need_daemon_reload")
        ],
        "something else wins over the drop-in": [name for name in wanted if units[name].get("overruled")],
        "left by a run that did not come to its end": [
            *found["unfinished"], *(["the host-wide mode"] if seen["left"] else [])
        ],
    }  # fmt: skip
    due["open sockets"], due["sockets that are wrong"] = of_sockets(aim, told["sockets"] or {"units": {}})
    return [f"{what}: {', '.join(dict.fromkeys(who))}" for what, who in due.items() if who]
