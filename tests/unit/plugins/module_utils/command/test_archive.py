# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command's file is made of."""

from __future__ import annotations

import io
import typing as t
import zipfile

from ansible_collections.netops.keepalive.plugins.module_utils.command import archive

PACKAGE = "ansible_collections/netops/keepalive/plugins/module_utils"


def opened(content: bytes) -> t.Tuple[bytes, zipfile.ZipFile]:
    return content.partition(b"\n")[0], zipfile.ZipFile(io.BytesIO(content))


def test_what_is_in_the_file() -> None:
    first, zipped = opened(archive.assemble({"command/main.py": "x = 'é'\n", "a/b.py": ""}, "/py"))
    assert first == b"#!/py -I"
    packages = ["/".join(PACKAGE.split("/")[:depth]) for depth in range(1, 6)]
    assert zipped.namelist() == sorted(
        [
            "__main__.py",
            *(f"{name}/__init__.py" for name in packages),
            f"{PACKAGE}/command/main.py",
            f"{PACKAGE}/a/b.py",
        ]
    )
    contents = {info.filename: zipped.read(info).decode() for info in zipped.infolist()}
    assert contents.pop(f"{PACKAGE}/command/main.py") == "x = 'é'\n"
    assert contents.pop("__main__.py") == (
        'import sys\n\nif sys.version_info < (3, 8):\n    sys.exit(sys.argv[0] + " needs Python 3.8 or newer")\n'
        "from ansible_collections.netops.keepalive.plugins.module_utils.command.main import main\n\nsys.exit(main())\n"
    )
    assert set(contents.values()) == {""}
    assert {(info.compress_type, info.date_time) for info in zipped.infolist()} == {(0, (1980, 1, 1, 0, 0, 0))}


def test_the_other_program_begins_elsewhere_and_brings_what_it_needs() -> None:
    files = archive.collect(entry=archive.ATTACHING)
    assert {"command/attaching.py", "bpf/attach.py", "bpf/enforce.py", "settings/options.py"} <= set(files)
    assert not {"command/main.py", "verdicts/inspection.py", "sockets/sweep.py"} & set(files)
    _first, zipped = opened(archive.assemble(files, "/py", archive.ATTACHING))
    assert zipped.read("__main__.py").decode().splitlines()[-3:] == [
        "from ansible_collections.netops.keepalive.plugins.module_utils.command.attaching import run_helper",
        "",
        "sys.exit(run_helper())",
    ]
