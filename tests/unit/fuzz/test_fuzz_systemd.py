# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemctl prints and what unit files say: read as it stands there, and nothing that does not."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.libraries import packages
from ansible_collections.netops.keepalive.plugins.module_utils.linux import printable, systemd, unit_files
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import (
    is_template,
    is_unit_name,
    template_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.settings.pattern import fits
from ansible_collections.netops.keepalive.plugins.module_utils.units import asked as units_asked
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import (
    ODD,
    bytes_of,
    fuzz,
    is_harmless,
    lines,
    texts,
)
from hypothesis import strategies as st

SHOWN = lines(
    "Id=", "Names=", "LoadState=loaded", "MainPID=", "ActiveState=active", "NRestarts=", "Listen=", "[::]:22 (Stream)",
    "KeepAliveProbes=", "KeepAliveTimeUSec=", "1min 30s", "b@1.socket", "ExecStart={ path=", " ; argv[]=", "Type=",
)  # fmt: skip
UNIT_FILE = lines(
    "[Service]", "[Unit]", "Environment=", "LD_PRELOAD=", "EnvironmentFile=-", "UnsetEnvironment=", "ExecStart=", "A=1",
    "\\\n", "# x", dropin.MARKER,
)  # fmt: skip
NAMES = st.sampled_from(["a.service", "b@1.socket", "dev-disk-by\\x2dlabel-x.device", "-.mount"])
WORDS = st.text("abcdeAB012_%/.:\\\"' ä", max_size=8)
VALUE = st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)), max_size=10)
LINES = re.compile(r"[\n\r\0]")


@fuzz(SHOWN, examples=100)
def test_what_systemctl_shows_is_units_with_values_that_stand_there(text: str) -> None:
    for properties in systemd.parse_show(text):
        assert is_unit_name(properties["Id"]) and properties["LoadState"]
        for name in ("MainPID", "NRestarts", "ActiveEnterTimestampMonotonic"):
            assert int(properties.get(name, "0")) >= 0
        for name, value in properties.items():
            assert (name, value) == ("LoadState", "unknown") or all(
                f"{name}={line}" in text.split("\n") for line in value.split("\n")
            )


@fuzz(st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["Result", "Environment"]), VALUE)))
def test_what_was_shown_is_read_back(units: t.Dict[str, t.Dict[str, str]]) -> None:
    blocks = [{"Id": name, "LoadState": "loaded", **properties} for name, properties in units.items()]
    text = "\n".join("".join(f"{key}={value}\n" for key, value in block.items()) for block in blocks)
    assert systemd.parse_show(text) == blocks


@fuzz(SHOWN, st.lists(st.one_of(NAMES, ODD), max_size=3))
def test_whatever_systemctl_answers_it_is_about_units(answer: str, asked: t.List[str]) -> None:
    shown = systemd.show(lambda _command: (0, answer, ""), asked)
    assert all(is_unit_name(name) or name in asked for name in shown)
    for name in asked:
        unit = units_asked.unit_from(name, shown.get(name))
        assert unit.holds("a.service") in (True, False) and unit.name == name
    for properties in shown.values():
        assert systemd.exec_path(properties.get("ExecStart", "")) in answer


@fuzz(texts("1min", "30s", "us", "1.5", "h", "month", "0"), examples=100)
def test_a_span_is_whole_seconds_or_none(text: str) -> None:
    found = systemd.seconds(text)
    assert found is None or (isinstance(found, int) and found >= 0 and any(digit in text for digit in "0123456789"))


@fuzz(st.integers(0, 10**9), st.integers(0, 59), st.integers(0, 59))
def test_a_span_that_systemctl_prints_is_that_many_seconds(hours: int, minutes: int, rest: int) -> None:
    parts = [f"{hours}h" * bool(hours), f"{minutes}min" * bool(minutes), f"{rest}s" * bool(rest)]
    total = hours * 3600 + minutes * 60 + rest
    assert systemd.seconds(" ".join(filter(None, parts)) or "0") == total


@fuzz(lines("[::]:22 (Stream)", "127.0.0.1:", "(Stream)", "[", "]:", "(Datagram)", "fe80::1%eth0"), ODD, ODD)
def test_a_socket_unit_listens_on_ports_and_its_directives_are_numbers(listen: str, probes: str, span: str) -> None:
    properties = {"Listen": listen, "KeepAliveProbes": probes, "KeepAliveTimeUSec": span, "KeepAlive": probes}
    assert all(host in listen and 0 <= port <= 99999 for host, port in systemd.listen_addresses(properties))
    assert all(value is None or value >= 0 for value in systemd.socket_directives(properties).values())


@fuzz(lines("# /lib/systemd/system/a@.service", "# /etc/systemd/system/a@.service.d/x.conf", "[Service]"))
def test_the_files_of_a_template_are_paths_that_stand_there(text: str) -> None:
    fragment, drop_ins = systemd.template_files(lambda _command: (0, text, ""), "a@.service")
    assert all(path == "" or (path[0] == "/" and f"# {path}" in text) for path in [fragment, *drop_ins])


@fuzz(UNIT_FILE, st.sampled_from(["Service", "Unit", ""]), examples=100)
def test_a_directive_stands_in_the_text_with_no_line_end_in_it(text: str, section: str) -> None:
    for name, value in unit_files.directives_in(text, section):
        assert not LINES.search(name + value)
        assert all(word in text for word in value.split())
        assert isinstance(unit_files.words(value), list)


@fuzz(st.lists(st.tuples(st.sampled_from(["Environment", "User"]), st.text("ab=%1\u2028\x0c\x85 '\"", max_size=9))))
def test_directives_are_read_as_they_were_written(pairs: t.List[t.Tuple[str, str]]) -> None:
    text = "[Service]\n" + "".join(f"{name}={value}\n" for name, value in pairs)
    assert list(unit_files.directives_in(text, "Service")) == [(name, value.strip(" \t")) for name, value in pairs]


@fuzz(UNIT_FILE, UNIT_FILE)
def test_what_files_assign_has_its_origin_in_one_of_them(first: str, second: str) -> None:
    found = unit_files.assignments([("/1", first), ("/2", second)])
    assert set(found.environment) <= set(found.origin) and set(found.origin.values()) <= {"/1", "/2"}
    assert found.emptied in ("", "/1", "/2")
    started = unit_files.exec_start(first)
    assert started == "" or systemd.exec_path(started).startswith("/")
    for value in found.environment.values():
        assert all(entry and not entry.isspace() for entry in unit_files.preload_entries(value))


@fuzz(st.dictionaries(st.sampled_from(["TCP_KEEPIDLE", "LD_PRELOAD", "A"]), st.text("ab/:=.01", max_size=9)))
def test_the_variables_of_a_drop_in_are_read_back(variables: t.Dict[str, str]) -> None:
    text = "[Service]\n" + "".join(f'Environment="{name}={value}"\n' for name, value in variables.items())
    assert dropin.environment_in(text) == variables


@fuzz(texts("A=1", "export ", "TCP_KEEPIDLE=", "\n"))
def test_the_names_of_an_environment_file_are_names(text: str) -> None:
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in unit_files.environment_file_names(text))


@fuzz(bytes_of(lines("ID=debian", "ID_LIKE=", "'", '"rhel fedora"')))
def test_the_families_of_a_distribution_are_words(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "os-release"
    path.write_bytes(content)
    assert all(word in os.fsdecode(content) for word in packages.distribution(str(path)))


@fuzz(st.one_of(NAMES, ODD, texts("a", ".service", "@", "worker@one.service")))
def test_a_units_name_is_one_component_of_a_path_and_no_option(name: str) -> None:
    if is_unit_name(name):
        assert re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", name) and len(name) <= 255 and "/" not in name
        assert dropin.unit_of(dropin.path_of(name)) == name
        template = template_of(name)
        assert template is None or is_template(template)


@fuzz(st.text("ab*?[]!^-z", max_size=8), st.text("abz[]-!*", max_size=8))
def test_a_pattern_fits_what_it_spells_and_what_a_star_is_added_to(pattern: str, text: str) -> None:
    assert fits(text, text) or "[" in text
    if fits(pattern, text):
        assert fits(pattern + "*", text + "b") or "[" in pattern


@fuzz(texts())
def test_what_is_shown_is_printable_and_stays_on_its_line(text: str) -> None:
    shown = printable.printable(text)
    assert is_harmless(shown) and printable.printable(shown) == shown
