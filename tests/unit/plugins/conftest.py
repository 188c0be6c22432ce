# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the libraries, compiled once, both ways to read and set sockets, and a /proc to put processes into."""

from __future__ import annotations

import itertools
import os
import pathlib
import socket
import subprocess
import typing as t

import hypothesis
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access, Reader, choose_access
from ansible_collections.netops.keepalive.tests.unit.support import first_process
from ansible_collections.netops.keepalive.tests.unit.support.at_once import access_at_once, why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import ShadowProc

hypothesis.settings.register_profile("no clock", deadline=None)  # how fast the machine is says nothing of the code
hypothesis.settings.load_profile("no clock")

CSRC = pathlib.Path(__file__).parents[3] / "csrc"


@pytest.fixture(scope="session")
def places_for_notes(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[pathlib.Path]:
    """A folder for each test. One of pytest's own looks through all that there are for the next free number."""
    place = tmp_path_factory.mktemp("notes")
    return (place / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def nothing_of_the_machines_own(places_for_notes: t.Iterator[pathlib.Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what runs have noted on the machine that runs the tests is read, or left there, nor its process 1."""
    folder = next(places_for_notes)
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(in_force, "FOLDER", str(folder / "run" / "in-force"))
    monkeypatch.setattr(undo, "FOLDER", str(folder / "lib"))
    first_process.play(monkeypatch)


@pytest.fixture(scope="session")
def inspect_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder in which the libraries are installed as on a host."""
    folder = tmp_path_factory.mktemp("inspect")
    command = ["make", "-s", "-j2", "-C", str(CSRC), "install", f"BUILD={folder}/build", f"LIBDIR={folder}/lib"]
    subprocess.run(command, check=True, capture_output=True)
    return f"{folder}/lib"


@pytest.fixture(params=["native", "portable"])
def one_by_one(request: pytest.FixtureRequest, inspect_folder: str) -> Access:
    """A reader and a setter that go by processes."""
    return choose_access(request.param, inspect_folder, os.geteuid())


@pytest.fixture(params=["native", "portable", "at once"])
def access(request: pytest.FixtureRequest, inspect_folder: str) -> Access:
    """A reader and a setter: the promises are the same whichever of the three it is."""
    if request.param != "at once":
        return choose_access(request.param, inspect_folder, os.geteuid())
    why_not = why_not_at_once()
    if why_not:
        pytest.skip(why_not)
    return access_at_once(choose_access("portable"))


@pytest.fixture
def reader(access: Access) -> Reader:
    return access.reader


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder: pathlib.Path = tmp_path_factory.mktemp("libraries")
    subprocess.run(["make", "-s", "-C", str(CSRC), f"BUILD={folder}", "all"], check=True, capture_output=True)
    return folder


@pytest.fixture
def proc(tmp_path: pathlib.Path) -> ShadowProc:
    folder = tmp_path / "proc"
    folder.mkdir()
    return ShadowProc(folder)


@pytest.fixture
def server() -> t.Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening
