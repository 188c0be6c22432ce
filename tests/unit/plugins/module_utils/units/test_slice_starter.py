# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that attaches slices' programs is there exactly for the slices that have a drop-in of ours."""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_files import directives_in
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.plugins.module_utils.units.slice_starter import (
    instance_of,
    keep_slice_starter,
)

SERVICE, WANTS = "keepalive-slice@.service", "sysinit.target.wants"


def drop_in(folder: pathlib.Path, unit: str) -> pathlib.Path:
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.parent.mkdir()
    path.write_text(f"{MARKER}\n[X-Keepalive]\nTCP_KEEPIDLE=60\n")
    return path


def there(folder: pathlib.Path) -> t.List[str]:
    links = folder / WANTS
    return [path.name for path in (folder / SERVICE,) if path.exists()] + sorted(
        f"{path.name} -> {os.readlink(path)}" for path in (links.iterdir() if links.exists() else ())
    )


def test_it_comes_with_the_first_slice_and_goes_with_the_last(tmp_path: pathlib.Path) -> None:
    labelled: t.List[str] = []
    drop_in(tmp_path, "a.service")
    assert (keep_slice_starter(str(tmp_path), labelled.append), there(tmp_path), labelled) == ([], [], [])
    machine, system = drop_in(tmp_path, "machine.slice"), drop_in(tmp_path, "system.slice")
    assert keep_slice_starter(str(tmp_path), labelled.append) == []
    assert there(tmp_path) == [
        SERVICE,
        f"keepalive-slice@machine.slice.service -> ../{SERVICE}",
        f"keepalive-slice@system.slice.service -> ../{SERVICE}",
    ]
    assert len(labelled) == 3
    before = (tmp_path / SERVICE).stat().st_ino
    assert keep_slice_starter(str(tmp_path), labelled.append) == []
    assert ((tmp_path / SERVICE).stat().st_ino, len(labelled)) == (before, 3), "nothing is written twice"
    machine.unlink()
    keep_slice_starter(str(tmp_path))
    assert there(tmp_path) == [SERVICE, f"keepalive-slice@system.slice.service -> ../{SERVICE}"]
    system.unlink()
    keep_slice_starter(str(tmp_path))
    assert (there(tmp_path), (tmp_path / WANTS).exists()) == ([], False)


def test_links_of_others_stay(tmp_path: pathlib.Path) -> None:
    (tmp_path / WANTS).mkdir()
    (tmp_path / WANTS / "other.service").symlink_to("../other.service")
    path = drop_in(tmp_path, "machine.slice")
    keep_slice_starter(str(tmp_path))
    path.unlink()
    keep_slice_starter(str(tmp_path))
    assert there(tmp_path) == ["other.service -> ../other.service"]


def test_a_file_of_others_with_its_name_stays_and_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / SERVICE).write_text("[Service]\n")
    drop_in(tmp_path, "machine.slice")
    (problem,) = keep_slice_starter(str(tmp_path))
    assert problem.startswith(f"{tmp_path}/{SERVICE} is not ours")
    assert (there(tmp_path), (tmp_path / SERVICE).read_text()) == ([SERVICE], "[Service]\n")


def test_what_cannot_be_written_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / WANTS).write_text("")
    drop_in(tmp_path, "machine.slice")
    (problem,) = keep_slice_starter(str(tmp_path))
    assert problem.startswith(f"{tmp_path}/{WANTS}: File exists: slices may lack")


def test_what_it_runs(tmp_path: pathlib.Path) -> None:
    drop_in(tmp_path, "machine.slice")
    keep_slice_starter(str(tmp_path))
    text = (tmp_path / SERVICE).read_text()
    assert dict(directives_in(text, "Service")) == {
        "Type": "oneshot",
        "Slice": "system.slice",
        "EnvironmentFile": "/etc/systemd/system/%i.d/zz-keepalive.conf",
        "ExecStart": "/usr/lib/libkeepalive/keepalive-bpf attach $KEEPALIVE_ATTACH ${KEEPALIVE_CGROUP}",
    }
    assert instance_of("machine.slice") == "keepalive-slice@machine.slice.service"
