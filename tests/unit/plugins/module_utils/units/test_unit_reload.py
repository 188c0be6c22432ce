# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A drop-in that systemd has not read is known as such, even where systemd says that there is nothing to reload."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.plugins.module_utils.units.unit import UnitsOfHost


def needs_reload(directory: pathlib.Path, unit: str, drop_in_paths: str, says: str = "no") -> bool:
    """Ask for one stopped unit, of which systemctl show says these things."""

    def run(_command: t.List[str]) -> t.Tuple[int, str, str]:
        properties = {
            "Id": unit,
            "LoadState": "loaded",
            "ActiveState": "inactive",
            "DropInPaths": drop_in_paths,
            "NeedDaemonReload": says,
        }
        return 0, "".join(f"{name}={value}\n" for name, value in properties.items()), ""

    return UnitsOfHost(run, (), str(directory)).units([unit])[unit].properties["NeedDaemonReload"] == "yes"


def write_drop_in(directory: pathlib.Path, unit: str) -> str:
    path = pathlib.Path(dropin.path_of(unit, str(directory)))
    path.parent.mkdir()
    path.write_text(f"{dropin.MARKER}\n[Service]\n", encoding="utf-8")
    return str(path)


def test_a_drop_in_in_a_folder_that_systemd_does_not_know_yet(tmp_path: pathlib.Path) -> None:
    """As systemd 247 and 252 answer after the first drop-in of a unit was written."""
    write_drop_in(tmp_path, "billing.service")
    assert needs_reload(tmp_path, "billing.service", "")
    assert needs_reload(tmp_path, "billing.service", "/run/systemd/system/billing.service.d/other.conf")


@pytest.mark.parametrize("unit", ["billing.service", r"foo\x2dbar.service"])
def test_a_drop_in_that_systemd_has_read(tmp_path: pathlib.Path, unit: str) -> None:
    """systemctl quotes a path with a backslash in it."""
    path = write_drop_in(tmp_path, unit)
    shown = '"' + path.replace("\\", r"\\") + '"' if "\\" in path else path
    assert not needs_reload(tmp_path, unit, f"/usr/lib/other.conf {shown}")
    assert needs_reload(tmp_path, unit, shown, says="yes")


def test_a_unit_without_a_drop_in(tmp_path: pathlib.Path) -> None:
    assert not needs_reload(tmp_path, "billing.service", "")
