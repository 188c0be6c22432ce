# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The C code itself, through cffi: its table against the Python one, its parser and its arithmetic against models."""

from __future__ import annotations

import importlib.util
import socket
import typing as t

import cffi
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from csrc_support import CSRC, load_options
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

python = load_options()
FLAGS = {"debug": "LIBKEEPALIVE_DEBUG", "disable": "LIBKEEPALIVE_DISABLE", "respect": "LIBKEEPALIVE_RESPECT"}
VARIABLES = {option.variable: name for name, option in python.OPTIONS.items()} | {v: k for k, v in FLAGS.items()}
FIELDS = [*python.OPTIONS, *FLAGS]
INT_MAX = 2**31 - 1
FOREIGN, TAKEN, REFUSED = range(3)
LIBRARY_BITS = {"connect": 1, "listen": 2, "socket": 4}

CDEF = (
    "struct keepalive_options {" + "".join(f"int {field};" for field in FIELDS) + "};"
    """
    struct row { const char *field, *variable; int sockopt, minimum, maximum, fallback, libraries; };
    extern struct row table[];
    int table_rows(void);
    struct keepalive_line { size_t length; char text[512]; };
    void keepalive_options_default(struct keepalive_options *options);
    int take_pair(struct keepalive_options *options, const char *text, size_t length);
    bool keepalive_options_environment(struct keepalive_options *options, char *const *environment);
    struct keepalive_span { const char *at; size_t length; };
    void keepalive_options_expected(struct keepalive_span key, struct keepalive_line *line);
    void keepalive_line_begin(struct keepalive_line *line);
    void keepalive_line_text(struct keepalive_line *line, const char *text);
    void keepalive_line_number(struct keepalive_line *line, long number);
    void keepalive_line_quoted(struct keepalive_line *line, const char *text, size_t length);
    bool keepalive_is_tcp(int fd);
    int keepalive_derive(int keepidle, int keepintvl, int keepcnt);
    void keepalive_apply(int fd, const struct keepalive_options *options, int library, struct keepalive_line *line);
    """
)
SOURCE = """
    #include "keepalive.h"
    struct row { const char *field, *variable; int sockopt, minimum, maximum, fallback, libraries; };
    static struct row table[] = {
    #define ROW(field, variable, minimum, maximum, fallback, libraries) \\
        {#field, #variable, variable, minimum, maximum, fallback, libraries},
        KEEPALIVE_OPTIONS(ROW)
    };
    static int table_rows(void) { return sizeof table / sizeof table[0]; }
    static int take_pair(struct keepalive_options *options, const char *text, size_t length)
    {
        const struct keepalive_pair pair = keepalive_pair_of((struct keepalive_span){text, length});
        return keepalive_options_take(options, &pair);
    }
    const struct keepalive_hook keepalive_hook = {KEEPALIVE_CONNECT, "connect", 0};
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory: pytest.TempPathFactory) -> t.Any:
    """The compiled code (ffi, lib), without the constructor: this process keeps its own sockets."""
    builder = cffi.FFI()
    builder.cdef(CDEF)
    builder.set_source(
        "keepalive_under_test",
        SOURCE,
        sources=[str(CSRC / name) for name in ("options.c", "apply.c", "debug.c")],
        include_dirs=[str(CSRC)],
        extra_compile_args=["-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    )
    path = builder.compile(tmpdir=str(tmp_path_factory.mktemp("cffi")))
    spec = importlib.util.spec_from_file_location("keepalive_under_test", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def defaults(c: t.Any) -> t.Any:
    options = c.ffi.new("struct keepalive_options *")
    c.lib.keepalive_options_default(options)
    return options


def values(options: t.Any) -> dict[str, int]:
    return {field: getattr(options, field) for field in FIELDS}


def take(c: t.Any, options: t.Any, pair: bytes) -> int:
    """Pass a pair without a NUL behind it, but with digits: reading past the length would be seen."""
    return int(c.lib.take_pair(options, c.ffi.from_buffer(pair + b"99"), len(pair)))


def model(variable: str, text: str) -> int | None:
    """The value that a variable's text stands for, or None: what the Python side says of it."""
    if variable in FLAGS.values():
        return settings_file.value_of(variable, text)
    option = python.OPTIONS[VARIABLES[variable]]
    return None if python.problem_with_value(option, text) else python.as_integer(text)


near = [0, 1, 88, 127, 32767, INT_MAX, 2**31, 2**32, 2**63, 2**64]
numbers = st.one_of(
    st.integers(), st.sampled_from(near).flatmap(lambda n: st.integers(n - 2, n + 2)), st.integers(-2, 130)
)
texts = st.one_of(
    numbers.map(str),
    numbers.map("0{}".format),
    st.tuples(
        st.sampled_from(["+", "-", " ", "0x", ""]), numbers.map(str), st.sampled_from(["s", " ", "-", ".0", "\n", ""])
    ).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["", "0", "1", "on", "off", "00", "-", "--1", "-0", "-1",
                     "1_0", "١٥", "1" * 400, "-" + "9" * 400, "0" * 400 + "5"]),
)  # fmt: skip
variables = st.sampled_from(list(VARIABLES))


def test_the_two_tables_agree(c: t.Any) -> None:
    names = {"field": "name", "variable": "variable", "sockopt": "sockopt", "minimum": "minimum",
             "maximum": "maximum", "fallback": "default"}  # fmt: skip
    in_c = []
    for row in c.ffi.unpack(c.lib.table, c.lib.table_rows()):
        entry = {name: getattr(row, field) for field, name in names.items()}
        entry["name"], entry["variable"] = (c.ffi.string(entry[key]).decode() for key in ("name", "variable"))
        entry["libraries"] = tuple(name for name, bit in LIBRARY_BITS.items() if row.libraries & bit)
        in_c.append(entry)
    in_python = [
        {key: value for key, value in option._asdict().items() if key != "unit"} for option in python.OPTIONS.values()
    ]
    assert in_c == in_python


def test_defaults_are_those_of_the_table(c: t.Any) -> None:
    expected = {name: option.default for name, option in python.OPTIONS.items()} | dict.fromkeys(FLAGS, 0)
    assert values(defaults(c)) == expected


@settings(max_examples=1500, deadline=None)
@given(variable=variables, text=texts)
def test_the_parser_agrees_with_the_python_side(c: t.Any, variable: str, text: str) -> None:
    options = defaults(c)
    before = values(options)
    verdict = take(c, options, f"{variable}={text}".encode())
    expected = model(variable, text)
    assert verdict == (REFUSED if expected is None else TAKEN)
    assert values(options) == (before if expected is None else before | {VARIABLES[variable]: expected})


@settings(max_examples=500, deadline=None)
@given(st.one_of(
    st.binary(max_size=40),
    st.tuples(variables, st.sampled_from(["", "X=1", " =1", "1", "_=5"])).map(lambda pair: "".join(pair).encode()),
    variables.flatmap(lambda name: st.integers(0, len(name) - 1).map(lambda cut: name[:cut].encode() + b"=1")),
    variables.map(lambda name: name.lower().encode() + b"=1"),
    variables.map(lambda name: b" " + name.encode() + b"=1"),
))  # fmt: skip
def test_other_keys_are_foreign(c: t.Any, pair: bytes) -> None:
    options = defaults(c)
    before = values(options)
    if pair.split(b"=")[0].decode("latin-1") in VARIABLES and b"=" in pair:
        return
    assert take(c, options, pair) == FOREIGN
    assert values(options) == before


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_key_that_differs_in_one_character_is_foreign(c: t.Any, variable: str) -> None:
    """At each place: another one, one more, one less; in a list such as environ, too."""
    near = {variable + "X", *(variable[:at] + changed + variable[at + 1 :] for at in range(len(variable)) for changed in
                              (chr(ord(variable[at]) + 1), variable[at].lower(), "", variable[at] + "X", "\0")
                              if changed != variable[at])} - set(VARIABLES)  # fmt: skip
    for key in near:
        options = defaults(c)
        assert take(c, options, f"{key}=1".encode()) == FOREIGN, key
        string = c.ffi.new("char[]", f"{key}=1".encode())
        assert not c.lib.keepalive_options_environment(options, c.ffi.new("char *[]", [string, c.ffi.NULL])), key
        assert values(options) == values(defaults(c)), key


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(st.tuples(variables, numbers.map(str)), st.tuples(st.just("PATH"), st.just("/bin"))), max_size=30
    )
)
def test_the_first_of_equal_keys_counts(c: t.Any, pairs: list[tuple[str, str]]) -> None:
    expected = values(defaults(c))
    for variable, text in reversed(pairs):
        number = model(variable, text) if variable in VARIABLES else None
        if number is not None:
            expected[VARIABLES[variable]] = number
    strings = [c.ffi.new("char[]", f"{variable}={text}".encode()) for variable, text in pairs]
    options = defaults(c)
    ours = c.lib.keepalive_options_environment(options, c.ffi.new("char *[]", [*strings, c.ffi.NULL]))
    assert values(options) == expected
    assert ours == any(variable in VARIABLES for variable, _text in pairs)


def test_no_environment_at_all_is_an_empty_one(c: t.Any) -> None:
    options = defaults(c)
    assert c.lib.keepalive_options_environment(options, c.ffi.NULL) is False
    assert values(options) == values(defaults(c))


seconds = st.one_of(st.integers(1, 32767), st.sampled_from([1, 32767]))


@settings(max_examples=500, deadline=None)
@given(keepidle=seconds, keepintvl=seconds, keepcnt=st.one_of(st.integers(1, 127), st.just(127)))
def test_the_derived_timeout_never_overflows_and_never_precedes_the_probes(
    c: t.Any, keepidle: int, keepintvl: int, keepcnt: int
) -> None:
    derived = c.lib.keepalive_derive(keepidle, keepintvl, keepcnt)
    assert derived == python.derived_user_timeout(keepidle, keepintvl, keepcnt)
    # With a user timeout the kernel gives up after idle + intvl x ceil((timeout - idle) / intvl).
    probes = max(1, -(-(derived - keepidle * 1000) // (keepintvl * 1000)))
    assert probes == keepcnt or (derived == INT_MAX and keepidle + keepintvl * keepcnt > INT_MAX // 1000)


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_in_debug_lines(c: t.Any, number: int) -> None:
    line = c.ffi.new("struct keepalive_line *")
    c.lib.keepalive_line_number(line, number)
    assert c.ffi.unpack(line.text, line.length) == str(number).encode()


@settings(max_examples=200, deadline=None)
@example(b"x" * 2000)
@given(st.binary(max_size=2000).filter(lambda text: b"\0" not in text))
def test_debug_lines_hold_strange_text_without_being_broken_by_it(c: t.Any, text: bytes) -> None:
    line = c.ffi.new("struct keepalive_line *")
    c.lib.keepalive_line_quoted(line, text, len(text))
    shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in text[:64]).encode()
    shown += b"..." if len(text) > 64 else b""
    assert c.ffi.unpack(line.text, line.length) == shown
    c.lib.keepalive_line_text(line, text)
    assert line.length == min(511, len(shown) + len(text)), "room for the newline is left"


def test_what_would_be_right_is_named(c: t.Any) -> None:
    said = {}
    for variable in ("TCP_MAXSEG", "TCP_USER_TIMEOUT", "LIBKEEPALIVE_DISABLE", "LIBKEEPALIVE_RESPECT"):
        line = c.ffi.new("struct keepalive_line *")
        key = c.ffi.from_buffer(f"{variable}=x".encode())
        c.lib.keepalive_options_expected({"at": key, "length": len(variable)}, line)
        said[variable] = c.ffi.unpack(line.text, line.length).decode()
    assert said == {
        "TCP_MAXSEG": "expected an integer from 88 to 32767, or 0 for the system's default",
        "TCP_USER_TIMEOUT": "expected an integer from 1 to 2147483647, or 0 for the system's default,"
        " or -1 to derive it",
        "LIBKEEPALIVE_DISABLE": "expected 0 or 1",
        "LIBKEEPALIVE_RESPECT": "expected 0 or 1",
    }


def read(tcp: socket.socket, variable: str) -> int:
    option = next(option for option in python.OPTIONS.values() if option.variable == variable)
    return tcp.getsockopt(socket.IPPROTO_TCP, option.sockopt)


def rows(*names: str) -> st.SearchStrategy[dict[str, int]]:
    """Values that the parser lets through, 0 and the borders among them."""
    return st.fixed_dictionaries({
        name: st.one_of(st.just(0), st.sampled_from([option.minimum, option.maximum]),
                        st.integers(option.minimum, option.maximum),
                        *([st.just(-1)] if option.default == -1 else []))
        for name, option in ((name, python.OPTIONS[name]) for name in names)
    })  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=rows(*python.OPTIONS), library=st.sampled_from(sorted(LIBRARY_BITS)))
def test_options_on_a_socket(c: t.Any, wanted: dict[str, int], library: str) -> None:
    with socket.socket() as untouched, socket.socket() as tcp:
        options = c.ffi.new("struct keepalive_options *", wanted)
        c.lib.keepalive_apply(tcp.fileno(), options, LIBRARY_BITS[library], c.ffi.NULL)
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for name, option in python.OPTIONS.items():
            value, found = wanted[name], read(tcp, option.variable)
            if value == 0 or library not in option.libraries:
                assert found == read(untouched, option.variable), name
            elif name == "user_timeout" and value == -1:
                in_force = (read(tcp, f"TCP_KEEP{part}") for part in ("IDLE", "INTVL", "CNT"))
                assert found == python.derived_user_timeout(*in_force)
            elif name == "defer_accept":
                assert found >= min(value, 60), "rounded up by the kernel, to its longest at most"
            else:
                assert found == (max(value, 1152) if name == "window_clamp" else value), name


def test_a_refused_timing_is_not_what_the_timeout_is_derived_from(c: t.Any) -> None:
    with socket.socket() as tcp:
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 100)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
        # The parser would never let 40000 through; the kernel refuses it.
        wanted = {"keepidle": 40000, "keepintvl": 10, "keepcnt": 0, "user_timeout": -1}
        options = c.ffi.new("struct keepalive_options *", wanted)
        c.lib.keepalive_apply(tcp.fileno(), options, LIBRARY_BITS["connect"], c.ffi.NULL)
        assert read(tcp, "TCP_KEEPIDLE") == 100
        assert read(tcp, "TCP_USER_TIMEOUT") == (100 + 10 * 4) * 1000


def test_only_tcp_is_tcp(c: t.Any) -> None:
    kinds = [(socket.AF_INET, socket.SOCK_STREAM, 0, True), (socket.AF_INET6, socket.SOCK_STREAM, 0, True),
             (socket.AF_INET, socket.SOCK_DGRAM, 0, False), (socket.AF_UNIX, socket.SOCK_STREAM, 0, False),
             (socket.AF_NETLINK, socket.SOCK_RAW, 0, False)]  # fmt: skip
    for family, kind, protocol, expected in kinds:
        with socket.socket(family, kind, protocol) as opened:
            assert c.lib.keepalive_is_tcp(opened.fileno()) is expected, (family, kind)
    assert c.lib.keepalive_is_tcp(-1) is False
