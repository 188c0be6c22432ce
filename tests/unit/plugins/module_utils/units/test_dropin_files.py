# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where drop-ins of ours can stand, which files are taken for one, and what of them cannot be read."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin

OURS = f"{dropin.MARKER}\n"


def put(folder: pathlib.Path, unit: str, content: str = OURS) -> pathlib.Path:
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("unit", "names"),
    [
        ("a.service", ["a.service"]),
        ("a.socket", ["a.socket"]),
        ("w@one.service", ["w@one.service", "w@.service"]),
        ("w@.service", ["w@.service"]),
        ("", []),
        ("../a.service", []),
        ("a*.service", []),
    ],
)
def test_where_drop_ins_of_a_unit_can_stand(unit: str, names: t.List[str]) -> None:
    paths = [f"/etc/systemd/system/{name}.d/zz-keepalive.conf" for name in names]
    assert dropin.paths_for(unit) == paths
    assert dropin.paths_for(unit, "/run/x") == [f"/run/x/{name}.d/zz-keepalive.conf" for name in names]
    if names:
        assert dropin.path_of(unit) == paths[0]
        assert [dropin.unit_of(path) for path in paths] == names
    else:
        with pytest.raises(ValueError, match="is not the name of a unit") as error:
            dropin.path_of(unit)
        assert str(error.value) == f"{unit!r} is not the name of a unit"


def test_a_file_of_a_megabyte_is_read_and_a_longer_one_is_not(tmp_path: pathlib.Path) -> None:
    path = put(tmp_path, "a.service", "#" * 2**20)
    assert dropin.read_drop_in(str(path)) == "#" * 2**20
    path.write_text("#" * (2**20 + 1))
    with pytest.raises(OSError, match="longer than 1048576 bytes"):
        dropin.read_drop_in(str(path))


def test_a_mistake_in_the_way_to_a_file_is_no_file_and_one_in_it_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    assert dropin.read_drop_in(str(tmp_path / "none")) is None
    assert dropin.read_drop_in(str(tmp_path / "file" / "below")) is None
    with pytest.raises(OSError, match="not a regular file"):
        dropin.read_drop_in(str(tmp_path))


def test_what_cannot_be_read_is_told_beside_what_is_ours(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "[s]"
    put(folder, "b.service", f"{OURS}# b\n")
    put(folder, "a@one.service")
    put(folder, "others.service", f"\n{OURS}")
    put(folder, "no unit", OURS)
    os.mkfifo(put(folder, "fifo.service").parent / "x")
    for name in ("z.service", "c.service"):
        put(folder, name).unlink()
        os.mkfifo(folder / f"{name}.d" / "zz-keepalive.conf")
    (folder / "e.service.d").mkdir()
    (folder / "e.service.d" / "zz-other.conf").write_text(OURS)
    found, unread = dropin.survey(str(folder))
    assert list(found.items()) == [("a@one.service", OURS), ("b.service", f"{OURS}# b\n"), ("fifo.service", OURS)]
    assert [error.filename for error in unread] == [
        f"{folder}/{name}.d/zz-keepalive.conf" for name in ("c.service", "z.service")
    ]
    with pytest.raises(OSError, match="not a regular file") as error:
        dropin.installed(str(folder))
    assert error.value.filename == unread[0].filename
    for name in ("z.service", "c.service"):
        (folder / f"{name}.d" / "zz-keepalive.conf").unlink()
    assert dropin.installed(str(folder)) == found


def test_drop_ins_stand_where_the_administrators_do(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[str] = []
    monkeypatch.setattr(dropin.glob, "glob", lambda pattern: asked.append(pattern) or [])
    assert (dropin.survey(), dropin.installed()) == (({}, []), {})
    assert asked == ["/etc/systemd/system/*.d/zz-keepalive.conf"] * 2


@pytest.mark.parametrize(
    ("entry", "ours"),
    [
        ("/usr/lib/libkeepalive/libkeepalive.so", True),
        ("/usr/lib/libkeepalive/", True),
        ("/usr/lib/libkeepalive", False),
        ("/usr/lib/libkeepalive2/a.so", False),
        ("libkeepalive.so", False),
    ],
)
def test_a_library_is_ours_by_its_folder(entry: str, ours: bool) -> None:
    assert dropin.is_own_library(entry) is ours
    assert dropin.foreign_preload(f"/a.so {entry}") == (["/a.so"] if ours else ["/a.so", entry])


def test_what_the_libraries_read_and_others_may_not_set() -> None:
    assert dropin.OWN_VARIABLES == (
        "TCP_KEEPIDLE", "TCP_KEEPCNT", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT", "TCP_SYNCNT", "TCP_DEFER_ACCEPT",
        "TCP_MAXSEG", "TCP_WINDOW_CLAMP", "LIBKEEPALIVE_DEBUG", "LIBKEEPALIVE_RESPECT",
    )  # fmt: skip


def test_the_variables_of_a_drop_in_in_the_order_in_which_they_are_written() -> None:
    folder = "/usr/lib/libkeepalive"
    preload = ["/a.so", f"{folder}/libkeepalive_listen.so", "/b.so"]
    written = dropin.environment(["listen", "connect"], {"TCP_KEEPIDLE": "5", "A": "b"}, preload)
    ours = f"{folder}/libkeepalive_listen.so:{folder}/libkeepalive.so"
    assert list(written.items()) == [("LD_PRELOAD", f"{ours}:/a.so:/b.so"), ("TCP_KEEPIDLE", "5"), ("A", "b")]
