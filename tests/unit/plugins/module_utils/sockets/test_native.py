# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which library is loaded into a process of root's, and which reader is chosen; what it reads: test_readers.py."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import _cffi_backend
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import access, native
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.declarations import ARGUMENTS, SOURCE
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.native import Library, NativeReader, Unavailable
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

COLLECTION = pathlib.Path(__file__).parents[5]
CSRC = COLLECTION / "csrc"
ME = os.geteuid()

Installed = t.Tuple[str, pathlib.Path, pathlib.Path]
"""Folder, library, header."""


@pytest.fixture(name="installed")
def installed_fixture(inspect_folder: str, tmp_path: pathlib.Path) -> Installed:
    """A folder of the test's own."""
    folder = tmp_path / "lib"
    shutil.copytree(inspect_folder, folder)
    folder.chmod(0o755)
    return str(folder), folder / native.INSPECT, folder / native.HEADER


def refused(folder: str, owner: int = ME) -> str:
    with pytest.raises(Unavailable) as error:
        Library(folder, owner)
    auto = choose_access("auto", folder, owner)
    assert (auto.name, auto.why_not_native) == ("portable", str(error.value)), "auto says why it took the other"
    return str(error.value)


def test_native_is_chosen_where_it_can_be_had(installed: Installed, tmp_path: pathlib.Path) -> None:
    folder, _library, _header = installed
    assert [choose_access(wanted, folder, ME)[::3] for wanted in ("auto", "native", "portable")] == [
        ("native", ""),
        ("native", ""),
        ("portable", ""),
    ]
    nowhere = str(tmp_path / "none")
    assert choose_access("auto", nowhere, ME)[::3] == ("portable", f"{nowhere}: No such file or directory")
    with pytest.raises(Unavailable, match="No such file or directory"):
        choose_access("native", nowhere, ME)


def test_what_is_chosen_where_nobody_says_anything_is_what_root_has_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[t.Tuple[str, int]] = []

    def library(folder: str, owner: int) -> t.NoReturn:
        asked.append((folder, owner))
        raise Unavailable("it is not there")

    monkeypatch.setattr(access, "Library", library)
    chosen = choose_access()
    assert (chosen.name, chosen.why_not_native, asked) == (
        "portable",
        "it is not there",
        [("/usr/lib/libkeepalive", 0)],
    )
    with pytest.raises(Unavailable):
        choose_access("native")
    assert choose_access("portable")[::3] == ("portable", "")
    assert len(asked) == 2


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_not_loaded(installed: Installed, which: int, mode: int) -> None:
    path = installed[which]
    os.chmod(path, os.stat(path).st_mode | mode)
    assert refused(installed[0]).startswith(f"{path} belongs to user {ME} and has mode ")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_what_is_another_users_is_not_loaded(installed: Installed, which: int) -> None:
    if ME != 0:
        assert f"belongs to user {ME} and has mode" in refused(installed[0], 0)
        return
    os.chown(installed[which], 65534, 65534)
    assert refused(installed[0]).startswith(f"{installed[which]} belongs to user 65534 and has mode ")


def test_nothing_is_loaded_from_below_a_folder_that_others_may_write(
    installed: Installed, tmp_path: pathlib.Path
) -> None:
    tmp_path.chmod(0o777)
    assert refused(installed[0]).startswith(f"{tmp_path} belongs to user {ME} and has mode 0777")


def test_a_link_to_where_others_may_write_is_not_followed(installed: Installed, tmp_path: pathlib.Path) -> None:
    folder, library, _header = installed
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    library.rename(elsewhere / "library.so")
    library.symlink_to(elsewhere / "library.so")
    assert refused(folder).startswith(f"{elsewhere} belongs to user {ME} and has mode 0777")


@pytest.mark.parametrize("version", [2, 4])
def test_a_library_of_another_version_is_not_used(installed: Installed, tmp_path: pathlib.Path, version: int) -> None:
    """Both what the library answers and what its header says have to be the version that is called here."""
    folder, library, header = installed
    for file in CSRC.glob("*.[ch]"):
        text = file.read_text().replace("keepalive_inspect_list", "keepalive_inspect_index")
        ours = f"KEEPALIVE_INSPECT_VERSION = {native.VERSION},"
        assert ours in text or file.name != native.HEADER
        (tmp_path / file.name).write_text(text.replace(ours, f"KEEPALIVE_INSPECT_VERSION = {version},"))
    other = tmp_path / native.HEADER
    source = tmp_path / "libkeepalive_inspect.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-D_DEFAULT_SOURCE", "-o", library, source], check=True)
    said = f"{library} has version {version} of its interface, "
    assert refused(folder) == f"{said}{header.name} beside it is {native.VERSION}"
    shutil.copy(other, header)
    assert refused(folder) == f"{said}not {native.VERSION}: build the libraries again"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("int32_t idle;", "int32_t idleness;", "ValueError: struct keepalive_record has the fields inode, netns, fd,"),
        ("int32_t keepidle;", "int64_t keepidle;", "ValueError: struct keepalive_values has 40 bytes instead of 36"),
        ("uint32_t unused;", "", "ValueError: struct keepalive_change has the fields inode, fd, kind, settings"),
        ("struct keepalive_values {", "struct keepalive_values { nonsense", "CDefError|ParseError"),
        ("int32_t keepalive_inspect_version(void);", "", "AttributeError: keepalive_inspect_version"),
        ("keepalive_inspect_list(", "keepalive_inspect_list_all(", "AttributeError: .*keepalive_inspect_list"),
        ("keepalive_inspect_read(", "keepalive_inspect_read_all(", "AttributeError: .*keepalive_inspect_read"),
    ],
)
def test_a_header_of_something_else_is_not_used(installed: Installed, old: str, new: str, said: str) -> None:
    folder, library, header = installed
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    with pytest.raises(Unavailable, match=said) as error:
        choose_access("native", folder, ME)
    assert str(error.value).startswith(f"{library} cannot be used: ")


def test_a_file_that_is_no_library(installed: Installed) -> None:
    folder, library, _header = installed
    library.write_bytes(b"not a library")
    assert "cannot be used: OSError: cannot load library" in refused(folder)


def test_a_python_without_cffi(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_cffi_backend", None)
    assert "this Python has no cffi: " in refused(installed[0])


def test_a_cffi_that_is_too_old(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cffi_backend, "__version__", "1.11.5")
    assert "cffi 1.11.5 is older than 1.12" in refused(installed[0])


def test_the_header_itself_is_read_where_it_is_not_the_known_one(installed: Installed) -> None:
    """The same records, by way of cffi's own parser."""
    folder, _library, header = installed
    assert header.read_bytes() == SOURCE
    known = Library(folder, ME)
    header.write_text("/* Not byte for byte the same. */\n" + header.read_text())
    parsed = Library(folder, ME)
    assert type(known.ffi) is not type(parsed.ffi)
    with Child("s = socket.create_server(('127.0.0.1', 0))") as child:
        number = child.run("answer = s.fileno()")
        one, other = (list(NativeReader(library).read(child.pid, [number])) for library in (known, parsed))
    assert one == other != []


def test_the_declarations_are_those_of_the_header() -> None:
    """Run tests/csrc/inspect_declarations.py after a change of the header."""
    program = f"import sys, pprint; sys.path.insert(0, {str(COLLECTION / 'tests' / 'csrc')!r})\n"
    program += "import inspect_declarations as made; pprint.pprint(made.declarations(made.HEADER.read_text()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    printed = done.stdout[done.stdout.index("{") :]
    assert eval(printed) == ARGUMENTS
    assert (CSRC / native.HEADER).read_bytes() == SOURCE


def test_version_3_of_the_interface_stays_as_it_is(inspect_folder: str) -> None:
    """A change of these numbers is a new KEEPALIVE_INSPECT_VERSION: an old library must not fill a new structure."""
    library = Library(inspect_folder, ME)
    assert library.calls.KEEPALIVE_INSPECT_VERSION == native.VERSION == 3
    layouts = [(layout.format, layout.size) for layout in (library.record, library.values, library.change)]
    assert layouts == [("=QQiiiiiiii16s16s32s", 112), ("=iiiiiiii", 32), ("=QiiII", 24)]
    assert (library.setting.format, library.none) == ("=iiiiii", -(2**31) + 1)
    assert [name for name, _field in library.ffi.typeof("struct keepalive_values").fields] == list(OPTIONS)
