# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was installed goes, what is others' stays, and where either is not clear nothing goes."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import install, removal
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import Target
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.removal import (
    NotRemovable,
    Removal,
    take_libraries_away,
)

LIBRARY = "libkeepalive.so"


@pytest.fixture(name="target")
def target_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A folder with a library, the command and its link; no process maps anything of it."""
    target = Target(str(tmp_path / "lib"), str(tmp_path / "keepalive-sockets"))
    install.install(target.folder, {LIBRARY: b"a"}, {}, lambda _paths: None, lambda _path, _place: False)
    pathlib.Path(target.path).write_text("command")
    os.symlink(target.path, target.link)
    monkeypatch.setattr(removal.install, "processes_mapping", lambda _folder, _names: [])
    monkeypatch.setattr(removal.install, "refuse_if_preloaded", lambda _folder, _names: None)
    return target


def there(target: Target) -> t.List[str]:
    """Return the names of what is there, without the manifest."""
    found = os.listdir(target.folder) if os.path.isdir(target.folder) else []
    return sorted(name for name in [*found, *(["link"] if os.path.islink(target.link) else [])])


def test_all_that_was_installed_goes_with_the_folder(target: Target) -> None:
    gone = take_libraries_away(target, pretend=False)
    assert sorted(gone.removed) == sorted([f"{target.folder}/{LIBRARY}", target.path, target.link])
    assert (gone.mapped_by, there(target), os.path.exists(target.folder)) == ([], [], False)
    assert take_libraries_away(target, pretend=False) == Removal()


def test_pretended_it_says_the_same_and_leaves_it(target: Target) -> None:
    before = there(target)
    pretended = take_libraries_away(target, pretend=True)
    assert there(target) == before
    assert take_libraries_away(target, pretend=False) == pretended


def test_what_others_have_put_there_stays(target: Target) -> None:
    pathlib.Path(target.folder, "own.so").write_text("")
    os.unlink(target.link)
    os.symlink("/usr/bin/true", target.link)
    gone = take_libraries_away(target, pretend=False)
    assert (there(target), target.link in gone.removed) == (["link", "own.so"], False)


def test_who_maps_one_is_told(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Any] = []
    monkeypatch.setattr(removal.install, "processes_mapping", lambda *given: asked.append(given) or [7])
    assert take_libraries_away(target, pretend=True).mapped_by == [7]
    assert asked == [(target.folder, [LIBRARY])]


def test_one_that_every_program_loads_stays_with_the_rest(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_folder: str, _names: t.Sequence[str]) -> t.NoReturn:
        raise install.InUse("it is named")

    monkeypatch.setattr(removal.install, "refuse_if_preloaded", refuse)
    before = there(target)
    with pytest.raises(install.InUse):
        take_libraries_away(target, pretend=False)
    assert there(target) == before


def test_where_it_is_not_known_what_is_ours_nothing_goes(target: Target) -> None:
    (manifest,) = [name for name in there(target) if name.endswith(".json")]
    pathlib.Path(target.folder, manifest).write_text("{")
    before = there(target)
    with pytest.raises(NotRemovable) as error:
        take_libraries_away(target, pretend=False)
    assert str(error.value).endswith(
        "Which files are ours stands there alone, so nothing was removed: install the libraries again (state: present) "
        f"and remove them then, or remove {target.folder} yourself"
    )
    assert there(target) == before


def test_the_command_alone_goes_too(tmp_path: pathlib.Path, target: Target) -> None:
    alone = Target(str(tmp_path / "other"), "")
    os.mkdir(alone.folder)
    pathlib.Path(alone.path).write_text("command")
    assert take_libraries_away(alone, pretend=False).removed == [alone.path]
    assert not os.path.exists(alone.folder)
