# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which loaders a host has that work, and what each takes $LIB for, on hosts in folders."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import loaders
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.loaders import Loader, find_loaders, lib_of
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import ElfError, read_elf

SELF = read_elf("/proc/self/exe")


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A host in a folder, all of whose loaders work."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(loaders, "read_elf", lambda _path: SELF)
    monkeypatch.setattr(loaders, "run", lambda *_arguments: Ended(0, "", ""))
    return tmp_path


def add(host: pathlib.Path, loader: str, libc: bool = True) -> str:
    path = host / loader
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    if libc:
        (path.parent / "libc.so.6").write_text("")
    return str(path)


def found(host: pathlib.Path) -> t.List[str]:
    return [os.path.relpath(loader.path, host) for loader in find_loaders(str(host))]


def test_each_folder_and_each_name_that_glibc_gives_its_loaders(host: pathlib.Path) -> None:
    names = [
        "lib64/ld-linux-x86-64.so.2", "lib64/ld64.so.1", "lib/ld-linux-armhf.so.3", "lib/ld-linux.so.2", "lib/ld.so.1",
        "lib32/ld-linux.so.2", "libx32/ld-linux-x32.so.2",
    ]  # fmt: skip
    for name in reversed([*names, "opt/ld-linux.so.2", "lib/ld-musl-x86_64.so.1"]):
        add(host, name)
    assert found(host) == names
    assert find_loaders(str(host))[2] == Loader(f"{host}/{names[2]}", SELF, f"{host}/lib/libc.so.6")


def test_a_loader_with_two_names_is_one_and_its_libc_lies_beside_the_file_itself(host: pathlib.Path) -> None:
    real = add(host, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    for name in ("lib64/ld-linux-x86-64.so.2", "lib/ld-linux-x86-64.so.2"):
        (host / name).parent.mkdir()
        (host / name).symlink_to(real)
    (loader,) = find_loaders(str(host))
    assert (loader.path, loader.libc) == (
        f"{host}/lib64/ld-linux-x86-64.so.2", f"{host}/usr/lib/x86_64-linux-gnu/libc.so.6",
    )  # fmt: skip
    assert loader.program == [loader.path, loader.libc]


def test_a_loader_without_a_libc_is_left_out(host: pathlib.Path) -> None:
    add(host, "lib64/ld-linux-x86-64.so.2", libc=False)
    add(host, "lib32/ld-linux.so.2")
    assert found(host) == ["lib32/ld-linux.so.2"]


@pytest.mark.parametrize("part", ["lib64/ld-linux-x86-64.so.2", "lib64/libc.so.6"])
def test_a_loader_that_others_could_change_is_left_out(host: pathlib.Path, part: str) -> None:
    add(host, "lib64/ld-linux-x86-64.so.2")
    (host / part).chmod(0o666)
    assert found(host) == []


@pytest.mark.parametrize("what", [Ended(1, "", ""), OSError(8, "Exec format error"), TimedOut("ld", "was running")])
def test_a_loader_whose_programs_do_not_run_here_is_left_out(
    host: pathlib.Path, monkeypatch: pytest.MonkeyPatch, what: t.Any
) -> None:
    """As that of x32, where the kernel does not know such programs; those behind it still count."""

    def run(command: t.Sequence[str], _seconds: float) -> Ended:
        if "lib32" in command[0]:
            return Ended(0, "", "")
        if isinstance(what, Exception):
            raise what
        return t.cast(Ended, what)

    add(host, "lib64/ld-linux-x86-64.so.2")
    add(host, "lib32/ld-linux.so.2")
    monkeypatch.setattr(loaders, "run", run)
    assert found(host) == ["lib32/ld-linux.so.2"]


def test_what_only_has_the_name_of_a_loader_is_left_out(host: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: str) -> t.Any:
        if "lib64" in path:
            raise ElfError("not an ELF file")
        return SELF

    add(host, "lib64/ld-linux-x86-64.so.2")
    add(host, "lib32/ld-linux.so.2")
    monkeypatch.setattr(loaders, "read_elf", read)
    assert found(host) == ["lib32/ld-linux.so.2"]


class Asked:
    """A loader that takes C($LIB) for one folder, and complains of a library that is not there."""

    def __init__(self, lib: str, status: int = 0) -> None:
        self.lib = lib
        self.status = status
        self.folders: t.List[str] = []
        """What was there, each time that it was asked."""

    def run(self, command: t.Sequence[str], _seconds: float, environment: t.Mapping[str, str]) -> Ended:
        start, _lib, end = environment["LD_PRELOAD"].partition("/$LIB/")
        (folder,) = (folder for folder, _folders, files in os.walk(start) if files == [end])
        assert os.readlink(os.path.join(folder, end)) == command[1], "its own libc is what it loads"
        self.folders.append(os.path.relpath(folder, start))
        wanted = f"{start}/{self.lib}/{end}"
        complaint = "" if os.path.exists(os.path.dirname(wanted)) else f"ERROR: ld.so: object '{wanted}': ignored.\n"
        return Ended(self.status, "", f"ERROR: ld.so: object '/others.so': ignored.\n{complaint}")


@pytest.mark.parametrize(
    ("path", "lib", "folders"),
    [
        ("/usr/lib/x86_64-linux-gnu/ld.so", "lib/x86_64-linux-gnu", ["lib/x86_64-linux-gnu"]),
        ("/nowhere/lib64/ld.so", "lib64", ["nowhere/lib64", "lib64"]),
        ("/usr/lib32/ld.so", "lib", ["lib32", "lib64", "lib"]),
        ("/lib64x/ld.so", "libx32", ["lib64x", "lib64", "lib", "lib32", "libx32"]),
        ("/usr/lib/ld.so", None, ["lib", "lib64", "lib32", "libx32"]),
    ],
)
def test_the_loader_is_asked_for_its_own_folder_first(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, path: str, lib: t.Optional[str], folders: t.List[str]
) -> None:
    asked = Asked(lib or "elsewhere")
    monkeypatch.setattr(loaders, "run", asked.run)
    (tmp_path / "ld.so").symlink_to(path)
    assert lib_of(Loader(f"{tmp_path}/ld.so", SELF, "/libc.so.6")) == lib
    assert asked.folders == folders


def test_a_loader_that_fails_in_silence_has_said_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "run", Asked("lib64", status=127).run)
    assert lib_of(Loader("/lib64/ld.so", SELF, "/libc.so.6")) is None


@pytest.mark.parametrize("error", [OSError(2, "No such file or directory"), TimedOut("ld.so", "was still running")])
def test_a_loader_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run(*_arguments: t.Any, **_more: t.Any) -> Ended:
        raise error

    monkeypatch.setattr(loaders, "run", run)
    assert lib_of(Loader("/lib64/ld.so", SELF, "/libc.so.6")) is None
