# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin for pytest: write down which lines of plugins/ each test has run, in forked children and threads, too.

Every process of a run writes its own file, $MUTANTS_LINES.PID, a line of JSON for each test. What a test has started as
another program is not seen.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import sys
import threading
import time
import typing as t

import pytest

_TOP = os.getcwd()
_real_path = os.path.realpath
"""As it is now: a test may put something else in its place while we look."""
_first: t.Dict[str, int] = {}
"""Where the lines of each file begin in the map, by its real path."""
_size = 0
for _folder, _folders, _names in sorted(os.walk(os.path.join(_TOP, "plugins"))):
    for _name in sorted(_names):
        if _name.endswith(".py"):
            _path = os.path.join(_folder, _name)
            _first[_path] = _size
            with open(_path, encoding="utf-8") as _stream:
                _size += len(_stream.readlines()) + 2

_hits = mmap.mmap(-1, _size)  # shared with children
_tracers: t.Dict[str, t.Any] = {}


def _tracer_of(file_name: str) -> t.Any:
    first = _first.get(_real_path(file_name))
    if first is None:
        return None

    def line(frame: t.Any, event: str, argument: t.Any) -> t.Any:
        _hits[first + frame.f_lineno] = 1
        return line

    return line


def _trace(frame: t.Any, event: str, argument: t.Any) -> t.Any:
    file_name = frame.f_code.co_filename
    try:
        return _tracers[file_name]
    except KeyError:
        _tracers[file_name] = _tracer_of(file_name)
        return _tracers[file_name]


def _lines() -> t.Dict[str, t.List[int]]:
    text = _hits[:]
    found: t.Dict[str, t.List[int]] = {}
    starts = sorted(_first.items(), key=lambda item: item[1])
    ends = [first for _path, first in starts[1:]] + [_size]
    for (path, first), end in zip(starts, ends):
        numbers = [hit.start() for hit in re.finditer(b"\1", text[first:end])]
        if numbers:
            found[os.path.relpath(path, _TOP)] = numbers
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> t.Iterator[None]:
    _hits[:] = bytes(_size)
    begun = time.monotonic()
    threading.settrace(_trace)
    sys.settrace(_trace)
    yield
    sys.settrace(None)
    threading.settrace(t.cast(t.Any, None))
    seen = {"test": item.nodeid, "seconds": time.monotonic() - begun, "lines": _lines()}
    with open(f"{os.environ['MUTANTS_LINES']}.{os.getpid()}", "a", encoding="utf-8") as stream:
        stream.write(json.dumps(seen) + "\n")
