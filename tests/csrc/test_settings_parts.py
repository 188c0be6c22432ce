# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts that read the settings file, through cffi: patterns against fnmatch(3), units and whole files by models."""

from __future__ import annotations

import collections
import ctypes
import importlib.util
import os
import re
import string
import typing as t

import cffi
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux import cgroup
from ansible_collections.netops.keepalive.plugins.module_utils.settings.pattern import fits
from ansible_collections.netops.keepalive.tests.unit.support.cgroup_vectors import (
    CgroupVector,
    cgroup_vectors,
)
from csrc_support import CSRC, load_options
from hypothesis import example, given, settings
from hypothesis import strategies as st

python = load_options()
FIELDS = [*python.OPTIONS, "debug", "disable", "respect"]
VARIABLES = {option.variable: name for name, option in python.OPTIONS.items()} | {
    f"LIBKEEPALIVE_{name.upper()}": name for name in ("debug", "disable", "respect")
}
FNM_NOESCAPE = 2

CDEF = (
    "struct keepalive_options {" + "".join(f"int {field};" for field in FIELDS) + "};"
    """
    struct keepalive_stderr;
    struct keepalive_self {
        bool program_known, unit_known; size_t program_length, unit_length; char program[4096]; char unit[256];
    };
    struct keepalive_settings {
        struct keepalive_options *options; struct keepalive_self *self; const struct keepalive_stderr *report;
        bool applies; long number;
    };
    void keepalive_options_default(struct keepalive_options *options);
    bool keepalive_match(const char *pattern, size_t pattern_length, const char *text, size_t length);
    struct keepalive_cgroup { unsigned unified, named; bool known, whole; size_t length; char path[1024]; };
    size_t keepalive_unit_in(
        const struct keepalive_cgroup *own, const struct keepalive_cgroup *manager, char *unit);
    size_t keepalive_self_program(struct keepalive_self *self);
    int read_cgroup_lines(int fd, struct keepalive_cgroup *cgroup);
    int read_settings(int fd, size_t limit, struct keepalive_settings *settings);
    """
)
SOURCE = """
    #include "keepalive.h"
    const struct keepalive_hook keepalive_hook = {KEEPALIVE_CONNECT, "connect", 0};
    static int read_settings(int fd, size_t limit, struct keepalive_settings *settings)
    {
        return keepalive_each_line(fd, limit, keepalive_settings_line, settings);
    }
    static int read_cgroup_lines(int fd, struct keepalive_cgroup *cgroup)
    {
        return keepalive_each_line(fd, SIZE_MAX, keepalive_cgroup_line, cgroup);
    }
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    builder = cffi.FFI()
    builder.cdef(CDEF)
    builder.set_source(
        "keepalive_settings_under_test",
        SOURCE,
        sources=[str(CSRC / f"{name}.c") for name in ("settings", "self", "match", "lines", "options", "debug")],
        include_dirs=[str(CSRC)],
        extra_compile_args=["-std=gnu11", "-Wall", "-Wextra"],
    )
    path = builder.compile(tmpdir=str(tmp_path_factory.mktemp("cffi")))
    spec = importlib.util.spec_from_file_location("keepalive_settings_under_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def match(c: t.Any, pattern: bytes, text: bytes) -> bool:
    """Both without a NUL behind them, but with something that would match, if it were read."""
    buffers = [c.ffi.from_buffer(part + b"*") for part in (pattern, text)]
    return bool(c.lib.keepalive_match(buffers[0], len(pattern), buffers[1], len(text)))


libc_fnmatch = ctypes.CDLL(None).fnmatch
alphabet = st.sampled_from(list(b"ab/.-*?[]!^\\z"))
patterns = st.lists(alphabet, max_size=12).map(bytes)
subjects = st.lists(st.sampled_from(list(b"ab/.-]\\z!")), max_size=10).map(bytes)
# [a-] and a range that ends in [ are read in several ways by the libcs.
unclear = re.compile(rb"\[[^]]*-\[|\[\[?[.=:]|-\]|\[[^]]*[]z-]-|\[[!^]?\][^]]*-|\[[^]]*$")


@settings(max_examples=3000, deadline=None)
@example(b"*a*b*", b"xaxbx")
@example(b"[]a]", b"]")
@example(b"[!]a]", b"b")
@example(b"[^a-y]*", b"z")
@example(b"a\\b", b"a\\b")
@example(b"*", b"")
@example(b"", b"")
@example(b"/usr/*", b"/usr/lib/x")
@given(patterns, subjects)
def test_patterns_are_those_of_fnmatch(c: t.Any, pattern: bytes, text: bytes) -> None:
    if unclear.search(pattern):
        match(c, pattern, text)
        return
    assert match(c, pattern, text) == (libc_fnmatch(pattern, text, FNM_NOESCAPE) == 0)


# What a piece of a pattern is, and a text that fits it or nearly does.
Piece = t.Tuple[bytes, bytes]
letters = st.integers(ord("b"), ord("y"))


@st.composite
def brackets(draw: st.DrawFn) -> Piece:
    """One or two ranges and a character, and what lies at their borders: one before, in them, one behind."""
    low, high, other, lower, upper = (draw(letters) for _number in range(5))
    parts = draw(st.permutations([f"{low:c}-{high:c}", f"{other:c}", f"{lower:c}-{upper:c}"]))
    inside = "".join(parts[: draw(st.integers(1, 3))])
    near = draw(st.sampled_from([low, high, other, lower, upper])) + draw(st.sampled_from([-1, 0, 0, 1]))
    return f"[{draw(st.sampled_from(['', '', '!', '^']))}{inside}]".encode(), bytes([near])


pieces = st.one_of(
    brackets(),
    letters.map(lambda letter: (bytes([letter]), bytes([letter]))),
    letters.map(lambda letter: (b"?", bytes([letter]))),
    st.text("bcxy", max_size=3).map(lambda text: (b"*", text.encode())),
)


def test_ranges_are_those_of_fnmatch_and_of_the_python_code(c: t.Any) -> None:
    """Drawn so that both answers are frequent: what never fits says nothing of where a range begins and ends."""
    answers: collections.Counter[bool] = collections.Counter()

    @settings(max_examples=1500, deadline=None)
    @given(brackets(), st.lists(pieces, max_size=3), st.lists(pieces, max_size=2))
    def compare(bracket: Piece, before: list[Piece], behind: list[Piece]) -> None:
        pattern, text = (b"".join(parts) for parts in zip(*before, bracket, *behind))
        expected = libc_fnmatch(pattern, text, FNM_NOESCAPE) == 0
        assert match(c, pattern, text) == expected
        assert fits(pattern.decode(), text.decode()) == expected
        answers[expected] += 1

    compare()
    assert min(answers[True], answers[False]) > 200, answers


@settings(max_examples=2000, deadline=None)
@example(b"[z-a]", b"m")
@example(b"*[!]-b]?", b"xya")
@given(patterns, subjects)
def test_the_patterns_of_the_python_code_are_those_of_c(c: t.Any, pattern: bytes, text: bytes) -> None:
    assert fits(pattern.decode("latin-1"), text.decode("latin-1")) == match(c, pattern, text)


def test_a_bracket_without_an_end_is_one(c: t.Any) -> None:
    assert match(c, b"/opt/[ab", b"/opt/[ab")
    assert not match(c, b"/opt/[ab", b"/opt/a")


def test_a_minus_at_the_end_of_a_bracket_is_one(c: t.Any) -> None:
    assert [match(c, b"[a-]", text) for text in (b"a", b"-", b"b", b"]")] == [True, True, False, False]


def test_many_stars_take_no_long_time(c: t.Any) -> None:
    """2^60 steps for a matcher that tries every star again."""
    assert not match(c, b"*a" * 60 + b"b", b"a" * 4000)


def cgroup_of(c: t.Any, content: bytes) -> t.Any:
    found = c.ffi.new("struct keepalive_cgroup *")
    fd = os.memfd_create("cgroup")
    try:
        os.write(fd, content)
        os.lseek(fd, 0, os.SEEK_SET)
        assert c.lib.read_cgroup_lines(fd, found) == 0
    finally:
        os.close(fd)
    return found


def unit_of(c: t.Any, own: bytes, manager: bytes = b"") -> bytes:
    unit = c.ffi.new("char[]", 255)
    length = c.lib.keepalive_unit_in(cgroup_of(c, own), cgroup_of(c, manager), unit)
    return bytes(c.ffi.buffer(unit, length))


@pytest.mark.parametrize("vector", cgroup_vectors(), ids=lambda vector: vector.about)
def test_the_unit_of_a_cgroup(c: t.Any, vector: CgroupVector) -> None:
    assert unit_of(c, vector.own, vector.manager) == vector.unit.encode()


def test_every_character_of_a_units_name(c: t.Any) -> None:
    """Each at its place in the name of a service and of an instance: letters, digits, :_.\\- and, once, @."""
    taken = []
    for character in sorted({*range(1, 256)} - {*b"/\n"}):
        for name in (b"x%c.service", b"x@%c.service"):
            own = b"0::/system.slice/" + name % character + b"\n"
            found = unit_of(c, own)
            assert found == cgroup.unit_in(cgroup.place_of(own), "").encode(), own
            taken += [chr(character)] * bool(found)
    letters = string.ascii_letters + string.digits + ":_.\\-"
    assert sorted(taken) == sorted(letters * 2 + "@"), "x@@.service is the instance of a name that is @"


def but_for_one(text: bytes) -> list[bytes]:
    """Every text that differs from this one in one character."""
    return [text[:at] + b"X" + text[at + 1 :] for at in range(len(text))]


@pytest.mark.parametrize("ending", [b".service", b".scope", b".socket", b".mount", b".swap"])
def test_what_differs_in_one_character_is_another_ending(c: t.Any, ending: bytes) -> None:
    assert unit_of(c, b"0::/a.slice/x" + ending) == b"x" + ending
    assert [unit_of(c, b"0::/a.slice/x" + other) for other in but_for_one(ending)] == [b""] * len(ending)
    assert [unit_of(c, b"0::/a" + other + b"/x" + ending) for other in but_for_one(b".slice")] == [b""] * 6


def test_what_differs_in_one_character_is_not_where_the_manager_is(c: t.Any) -> None:
    own = b"0::/p/a.slice/x.service"
    assert unit_of(c, own, b"0::/p/init.scope") == b"x.service"
    assert {unit_of(c, own, b"0::/p" + other) for other in but_for_one(b"/init.scope")} == {b""}
    assert {unit_of(c, own, b"0::" + other + b"/init.scope") for other in but_for_one(b"/p")} == {b""}


components = st.sampled_from(
    ["a.slice", "_b.slice", "c@d.slice", "e.service", "f@g.service", "h@.service", "..", "i", "init.scope", "j.scope",
     "k\x0c0::", "l" * 300, "m" * 241 + ".service", ".service", "_.service", "", "\x85"]
)  # fmt: skip
cgroup_lines = st.tuples(
    st.sampled_from(["0::", "1:name=systemd:", "0:", ":name=systemd:", "4:memory:", "0:name=systemd:",
                     "1:name=systemdX:", "1:name=systemd", "1:Xname=systemd:"]),
    st.one_of(st.just(""), st.lists(components, max_size=7).map(lambda parts: "/" + "/".join(parts))),
).map("".join)  # fmt: skip
cgroups = st.lists(cgroup_lines, max_size=3).map(lambda lines: "".join(f"{line}\n" for line in lines).encode())


@settings(max_examples=2000, deadline=None)
@given(cgroups, cgroups)
def test_the_libraries_and_the_verification_agree_on_the_unit(c: t.Any, own: bytes, manager: bytes) -> None:
    prefix = cgroup.prefix_of(cgroup.place_of(manager))
    assert unit_of(c, own, manager) == cgroup.unit_in(cgroup.place_of(own), prefix).encode()


def test_the_program(c: t.Any) -> None:
    who = c.ffi.new("struct keepalive_self *")
    length = c.lib.keepalive_self_program(who)
    assert bytes(c.ffi.buffer(who.program, length)).decode() == os.readlink("/proc/self/exe")


def outcome(c: t.Any, text: bytes, *, program: bytes, unit: bytes, limit: int = 2**20) -> tuple[int, dict[str, int]]:
    """Read a file as a process of this program and this unit would."""
    options, who = c.ffi.new("struct keepalive_options *"), c.ffi.new("struct keepalive_self *")
    c.lib.keepalive_options_default(options)
    who.program_known = who.unit_known = True
    who.program_length, who.unit_length = len(program), len(unit)
    c.ffi.memmove(who.program, program, len(program))
    c.ffi.memmove(who.unit, unit, len(unit))
    reading = c.ffi.new("struct keepalive_settings *", {"options": options, "self": who, "applies": True})
    fd = os.memfd_create("settings")
    try:
        os.write(fd, text)
        os.lseek(fd, 0, os.SEEK_SET)
        result = c.lib.read_settings(fd, limit, reading)
    finally:
        os.close(fd)
    return int(result), {field: getattr(options, field) for field in FIELDS}


values = st.one_of(st.integers(-2, 130), st.sampled_from([32767, 32768, 2**31 - 1, 2**31])).map(str)
sections = {
    "[unit nginx.service]": True, "[unit *.service]": True, "[unit ngin[a-z].service]  # ours": True,
    "[program /usr/sbin/nginx]": True, "\t[program /usr/*]": True,
    "[unit other.service]": False, "[program /usr/sbin/sshd]": False, "[program nginx]": False, "[nonsense": False,
}  # fmt: skip
lines = st.one_of(
    st.tuples(st.sampled_from(sorted(VARIABLES)), st.sampled_from(["=", " = ", "=\t"]), values),
    st.tuples(
        st.sampled_from([f"LIBKEEPALIVE_{name}" for name in ("DEBUG", "DISABLE", "RESPECT")]),
        st.sampled_from(["=", " = "]),
        st.sampled_from(["", "0", "1", "yes", "off", "00", "-1", "1 0"]),
    ),
    st.tuples(st.sampled_from(sorted(sections))),
    st.tuples(st.sampled_from(["", "   ", "# TCP_KEEPIDLE=99", "TCP_KEEPIDLE", "#" * 1500, "y" * 1023, "z" * 3000])),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(lines, max_size=60), st.booleans())
def test_a_file_against_a_model(c: t.Any, file: list[tuple[str, ...]], ends: bool) -> None:
    expected = {name: option.default for name, option in python.OPTIONS.items()} | dict.fromkeys(FIELDS[-3:], 0)
    applies = True
    for line in file:
        if line[0] in sections:
            applies = sections[line[0]]
        elif len(line) == 3 and applies:
            name, value = VARIABLES[line[0]], line[2]
            if name == "debug":
                expected[name] = int(value not in ("", "0"))
            elif (
                value in ("0", "1")
                if name not in python.OPTIONS
                else not python.problem_with_value(python.OPTIONS[name], value)
            ):
                expected[name] = int(value)
    text = "\n".join("".join(line) for line in file) + ("\n" if ends else "")
    assert outcome(c, text.encode(), program=b"/usr/sbin/nginx", unit=b"nginx.service") == (0, expected)


headings = st.builds(
    "{}[{}{}{}]{}".format,
    st.sampled_from(["", " ", "x"]),
    st.sampled_from(["unit ", "program ", "unit\t", " unit ", "unit", "Unit "]),
    st.one_of(
        st.sampled_from(["nginx.service", "/usr/sbin/nginx", "*", "ngin?.s[a-z]*", "[^a]*", "*[:alpha:]*", "nginx"]),
        st.text("nginx.service/*?[]!^-: #", max_size=16),
    ),
    st.sampled_from(["", " ", "]", " #", "\r"]),
    st.sampled_from(["", " # ours", "#", "\r"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(lines.map("".join), headings), max_size=12))
def test_what_the_verification_takes_from_a_file_is_what_the_libraries_take(c: t.Any, file: list[str]) -> None:
    """socket_options_info tells by it whose values a process has (host_wide/settings_file.py)."""
    text = "\n".join(file)
    found = settings_file.parse_settings(text, "nginx.service", "/usr/sbin/nginx")
    _result, expected = outcome(c, text.encode(), program=b"/usr/sbin/nginx", unit=b"nginx.service")
    defaults = {name: option.default for name, option in python.OPTIONS.items()} | dict.fromkeys(FIELDS[-3:], 0)
    assert {**defaults, **{VARIABLES[variable]: value for variable, value in found.items()}} == expected


def test_who_cannot_be_found_out_fits_no_section(c: t.Any) -> None:
    text = b"[program *]\nTCP_KEEPIDLE=60\n[unit *]\nTCP_KEEPCNT=3\n"
    _result, found = outcome(c, text, program=b"", unit=b"")
    assert (found["keepidle"], found["keepcnt"]) == (15, 9)


def test_the_limit(c: t.Any) -> None:
    text = b"TCP_KEEPIDLE=60\nTCP_KEEPCNT=3\n"
    result, found = outcome(c, text, program=b"", unit=b"", limit=20)
    assert (result, found["keepidle"], found["keepcnt"]) == (-27, 60, 9)


def test_a_file_of_as_many_bytes_as_the_limit_is_too_long(c: t.Any) -> None:
    text = b"TCP_KEEPIDLE=60\n"
    results = [outcome(c, text, program=b"", unit=b"", limit=len(text) + more)[0] for more in (-1, 0, 1)]
    assert results == [-27, -27, 0]


def test_a_line_that_the_limit_cuts_does_not_count(c: t.Any) -> None:
    text = b"TCP_KEEPIDLE=60\nTCP_KEEPCNT=127\n"
    result, found = outcome(c, text, program=b"", unit=b"", limit=len(text) - 2)
    assert (result, found["keepidle"], found["keepcnt"]) == (-27, 60, 9), "and not 12"


def test_an_error_while_reading_is_returned(c: t.Any) -> None:
    reading = c.ffi.new("struct keepalive_settings *")
    assert c.lib.read_settings(-1, 100, reading) == -9
