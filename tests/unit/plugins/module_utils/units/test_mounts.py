# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a service sees the folder of the libraries is told from what systemd shows of its unit."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units import mounts

FOLDER = "/usr/lib/libkeepalive"
NO_BIND = (
    "a.service: RootDirectory=/srv/jail gives the service a root of its own, in which /usr/lib/libkeepalive is not; "
    "take the entry out, or bind the folder there with BindReadOnlyPaths=-/usr/lib/libkeepalive"
)
NEEDED = (
    "a.service: BindReadOnlyPaths=/usr/lib/libkeepalive: where the folder is not there (before a rollout, after it was "
    "taken away) the service does not start any more (226/NAMESPACE); write BindReadOnlyPaths=-/usr/lib/libkeepalive"
)


def told(**properties: str) -> t.List[str]:
    found = mounts.mount_problems("a.service", properties)
    assert all(problem.reason is None for problem in found), "nothing lets these pass"
    return [problem.text for problem in found]


@pytest.mark.parametrize(
    ("bound", "problems"),
    [
        ("", [NO_BIND]),
        (f"-{FOLDER}:{FOLDER}:rbind", []),  # as systemctl shows BindReadOnlyPaths=-/usr/lib/libkeepalive
        (f"-{FOLDER}", []),
        (f"-{FOLDER}/:{FOLDER}/", []),
        (f"{FOLDER}:{FOLDER}:rbind", [NEEDED]),
        (f"/srv:/mnt/x -{FOLDER}:{FOLDER}:rbind", []),
        ("/usr:/usr:rbind", []),  # all of it, and it is always there
        ("/usr/lib:/usr/lib:norbind", []),
        ("/:/", []),
        (f"-/opt/other:{FOLDER}:rbind", [NO_BIND]),  # something else stands there
        (f"-{FOLDER}:/opt/other:rbind", [NO_BIND]),  # it stands elsewhere
        ("/usr/lib/libkeep:/usr/lib/libkeep", [NO_BIND]),
        (f"-{FOLDER}/sub:{FOLDER}/sub", [NO_BIND]),
        ('"-/srv/a b:/srv/a b:rbind"', [NO_BIND]),
    ],
)
@pytest.mark.parametrize("key", ["BindPaths", "BindReadOnlyPaths"])
def test_a_root_of_its_own_needs_the_folder(key: str, bound: str, problems: t.List[str]) -> None:
    assert told(RootDirectory="/srv/jail", RootImage="", **{key: bound}) == problems


def test_an_image_needs_the_folder_as_well() -> None:
    assert told(RootImage="/i.raw") == [NO_BIND.replace("RootDirectory=/srv/jail", "RootImage=/i.raw")]
    assert told(RootImage="/i.raw", BindReadOnlyPaths=f"-{FOLDER}:{FOLDER}:rbind") == []


def test_a_bind_that_must_be_there_is_named_without_another_root_too() -> None:
    assert told(BindReadOnlyPaths=f"{FOLDER}:{FOLDER}:rbind") == [NEEDED]
    assert told(BindReadOnlyPaths="/usr:/usr:rbind") == []


def test_a_folder_that_happens_to_be_there_is_not_that_of_the_host(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty one, or a copy that gets old; a mount of the host's own is the same folder."""
    (inside := tmp_path / FOLDER[1:]).mkdir(parents=True)
    assert [text.partition(" gives")[0] for text in told(RootDirectory=str(tmp_path))] == [
        f"a.service: RootDirectory={tmp_path}"
    ]
    same = os.stat(inside)
    monkeypatch.setattr(
        os.path, "samefile", lambda one, other: os.path.samestat(os.stat(one), same) and other == FOLDER
    )
    assert told(RootDirectory=str(tmp_path)) == []


@pytest.mark.parametrize("path", [FOLDER, f"-{FOLDER}/", "/usr", "-/usr/lib", "/", "+/usr/lib"])
def test_the_folder_may_be_hidden(path: str) -> None:
    assert told(InaccessiblePaths=f"/boot {path}") == [
        f"a.service: InaccessiblePaths={path} hides {FOLDER} from the service; take the path, or the entry, out"
    ]
    assert told(InaccessiblePaths="/usr/lib/libkeep /usr/libkeepalive /home") == []


@pytest.mark.parametrize(
    ("forbidden", "allowed", "nearest"),
    [
        ("/", "/usr/bin /usr/lib/x86_64-linux-gnu", "/"),
        ("/", "/usr", None),
        ("/", f"-{FOLDER}", None),
        ("/ /usr/lib", "/usr", "/usr/lib"),
        (FOLDER, "/usr", FOLDER),
        ("/home /var", "", None),
        ("", "/usr", None),
        ("/usr/lib", "/usr/lib", None),  # systemd lets what is allowed win
    ],
)
def test_the_folder_may_be_forbidden_to_run(forbidden: str, allowed: str, nearest: t.Optional[str]) -> None:
    expected = (
        f"a.service: NoExecPaths={nearest} forbids to run what is in {FOLDER}, so the loader cannot load it; "
        f"add ExecPaths=-{FOLDER}"
    )
    assert told(NoExecPaths=forbidden, ExecPaths=allowed) == ([expected] if nearest else [])


def test_an_ordinary_unit_has_none_of_this() -> None:
    assert told() == told(RootDirectory="", RootImage="", BindPaths="", InaccessiblePaths="", NoExecPaths="") == []
