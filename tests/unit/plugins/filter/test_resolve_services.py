# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers as they stand in files: what YAML reads 0x20 and 010 as is not what was meant."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import typing as t

import ansible_collections.netops.keepalive
import pytest
from ansible.errors import AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.netops.keepalive.plugins.filter.resolve_services import FilterModule, resolve_services
from ansible_collections.netops.keepalive.plugins.plugin_utils import _spelling
from ansible_collections.netops.keepalive.plugins.plugin_utils._spelling import spelling
from ansible_collections.netops.keepalive.tests.unit.support.origin import Origin, knows_origins

SECONDS = "an integer of seconds from 1 to 32767, 0 (the system's default)"
HEADER = "the keepalive settings are wrong, nothing was changed:"

SPELLINGS = [
    ("0x20", "0x20"),
    ("010", "010"),
    ("0b11", "0b11"),
    ("1:30", "1:30"),
    ("1_000", "1_000"),
    ("+60", "+60"),
    ("'0x20'", "0x20"),
    ('"010"', "010"),
    ('"1:30"', "1:30"),
]


def load(path: pathlib.Path, value: str, layout: str = "- name: a.service\n  tcp: {{keepidle: {}}}\n") -> t.Any:
    path.write_text(layout.format(value))
    return DataLoader().load_from_file(str(path))


@knows_origins
@pytest.mark.parametrize(("written", "shown"), SPELLINGS, ids=[row[0] for row in SPELLINGS])
def test_a_number_that_yaml_reads_as_another_is_refused_as_it_stands(
    tmp_path: pathlib.Path, written: str, shown: str
) -> None:
    layouts = (
        "- name: a.service\n  tcp: {{keepidle: {}}}\n",
        "- name: a.service\n  tcp: {{keepcnt: 3, keepidle: {}, maxseg: 500}}  # 60\n",
        "- name: a.service\n  tcp:\n    keepidle: {} # 60\n",
        "# ä\n- {{'name': a.service, tcp: {{'keepidle':   {}}}}}",
    )
    for number, layout in enumerate(layouts):
        with pytest.raises(AnsibleFilterError) as error:
            resolve_services(load(tmp_path / f"{number}.yml", written, layout))
        assert str(error.value) == (
            f"{HEADER}\nkeepalive_services[0] 'a.service': tcp.keepidle: '{shown}' is not {SECONDS}"
        ), layout


@pytest.mark.parametrize("written", ["60", "'60'", '"60"', "60 # s", "!!int 60", "&a 60"])
def test_a_plain_number_is_one(tmp_path: pathlib.Path, written: str) -> None:
    layout = "- name: a.service\n  tcp:\n    keepidle: {}\n"
    assert resolve_services(load(tmp_path / "f.yml", written, layout))[0]["tcp"]["keepidle"] == 60


def test_a_file_that_is_encrypted_or_gone_is_taken_at_its_value(tmp_path: pathlib.Path) -> None:
    """What stands at that place of an encrypted file is none of the numbers in it."""
    path = tmp_path / "f.yml"
    vault = VaultLib([("default", VaultSecret(b"secret"))])
    path.write_bytes(vault.encrypt("- name: a.service\n  tcp:\n    keepidle: 60\n    keepcnt: 3\n"))
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(b"secret"))])
    services = loader.load_from_file(str(path))
    # Digits there, whatever the encryption came out as: the line of the first number, and its column.
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:1], *["7" * 80] * 9]))
    tcp = resolve_services(services)[0]["tcp"]
    assert (tcp["keepidle"], tcp["keepcnt"]) == (60, 3)
    path.unlink()
    assert resolve_services(services)[0]["tcp"]["keepidle"] == 60


def test_all_lists_are_passed_on() -> None:
    (found,) = FilterModule().filters()["resolve_services"](
        [{"name": "a.service", "profile": "p"}],
        defaults={"tcp": {"keepidle": 1}},
        profiles=[{"name": "p", "tcp": {"keepcnt": 2}}],
        layers={"keepalive_services__x": [{"name": "a.service", "tcp": {"keepintvl": 3}}]},
    )
    assert [found["tcp"][name] for name in ("keepidle", "keepcnt", "keepintvl")] == [1, 2, 3]


@knows_origins
@pytest.mark.parametrize("key", ["jitter", "min_sockets"])
def test_a_number_beside_the_options_is_refused_as_it_stands_too(tmp_path: pathlib.Path, key: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        resolve_services(load(tmp_path / "a.yml", "010", f"- name: a.service\n  {key}: {{}}\n"))
    assert f"keepalive_services[0] 'a.service': {key}: '010' is not a" in error.value.message


def test_first_probes_are_spread_by_the_hosts_name_which_has_to_be_given() -> None:
    services = [{"name": "a.service", "jitter": 10, "tcp": {"keepidle": 120}}, {"name": "b.service"}]
    (found, _other) = resolve_services(services, host="web2")
    assert (found["tcp"]["keepidle"], found["expected"]["tcp"]["keepidle"]) == (114, 114)
    with pytest.raises(AnsibleFilterError) as error:
        resolve_services(services)
    assert error.value.message.splitlines() == [
        HEADER, "'a.service': jitter: differs from host to host; give the filter host=inventory_hostname",
    ]  # fmt: skip


INVENTORY = """
all:
  hosts:
    unquoted: {ansible_connection: local}
    right: {ansible_connection: local, keepalive_services: [{name: a.service, tcp: {keepidle: "{{ 30 * 2 }}"}}]}
"""
GROUP_VARS = """
idle: 0x20
keepalive_services__b: [{name: a.service, tcp: {keepidle: 61}}]
"""
HOST_VARS = """
keepalive_services:
  - name: b.service
  - name: a.service
    tcp: {keepidle: 0x20, keepintvl: 010, keepcnt: "0x20", user_timeout: 30s, syncnt: "{{ idle }}"}
"""
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug:
        msg: >-
          {{ keepalive_services | netops.keepalive.resolve_services(
               layers={'keepalive_services__b': keepalive_services__b}) }}
"""


@knows_origins  # one of the host's numbers is no more than it was written as
@pytest.mark.skipif(shutil.which("ansible-playbook") is None, reason="needs ansible-playbook")
def test_through_the_whole_of_ansible(tmp_path: pathlib.Path) -> None:
    """From group_vars and host_vars, through Ansible's own variables and templating, to its error message."""
    for name, text in (
        ("hosts.yml", INVENTORY),
        ("group_vars/all.yml", GROUP_VARS),
        ("host_vars/unquoted.yml", HOST_VARS),
        ("play.yml", PLAYBOOK),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    collections = pathlib.Path(next(iter(ansible_collections.netops.keepalive.__path__))).parents[2]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        "COLUMNS": "1000",
    }
    ended = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", "play.yml"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = ended.stdout + ended.stderr
    assert ended.returncode == 2, output
    place = "keepalive_services[1] 'a.service'"
    expected = [
        f"{place}: tcp.keepidle: '0x20' is not {SECONDS}",
        f"{place}: tcp.keepintvl: '010' is not {SECONDS}",
        f"{place}: tcp.keepcnt: '0x20' is not an integer of probes from 1 to 127, 0 (the system's default)",
        f"{place}: tcp.user_timeout: '30s' is not an integer of milliseconds from 1 to 2147483647, "
        "0 (the system's default) or -1 (derived: keepidle + keepintvl x keepcnt)",
        f"{place}: tcp.syncnt: '0x20' is not an integer of SYN retransmissions from 1 to 127, 0 (the system's default)",
    ]
    found = [line.strip() for line in output.splitlines() if line.strip().startswith(place)]
    assert list(dict.fromkeys(found)) == expected, output
    assert re.search(r"right +: ok=1 +changed=0 +unreachable=0 +failed=0", output), output
    assert re.search(r"keepidle: 60\b", output), output


def test_the_mistakes_of_the_host_wide_mode_are_told_in_the_same_breath() -> None:
    with pytest.raises(AnsibleFilterError) as error:
        resolve_services(
            [{"name": "a.service", "tcp": {"keepidle": "60s"}}],
            base={"restart": "never"},
            host_settings={"defaults": {"tcp": {"keepcnt": 500}}, "opt_outs": [{"path": "sshd"}]},
        )
    assert str(error.value).splitlines() == [
        HEADER,
        f"keepalive_services[0] 'a.service': tcp.keepidle: '60s' is not {SECONDS}",
        "keepalive_host_defaults: tcp.keepcnt: 500 is out of range: expected an integer of probes from 1 to 127, "
        "0 (the system's default)",
        "keepalive_host_opt_outs[0]: path: 'sshd' is not an absolute path or a pattern such as /usr/sbin/sshd "
        "or */sshd",
    ]
    (service,) = resolve_services([{"name": "a.service"}], base={"restart": "never"}, host_settings={})
    assert service["restart"] == "never"


def test_mistakes_can_be_returned_so_that_they_are_told_with_the_hosts() -> None:
    services = [
        {"name": "a.service"},
        {"name": "b.service", "tcp": {"keepidle": "60s"}},
        {"name": "c.service", "state": "absent"},
    ]
    mistakes = [f"keepalive_services[1] 'b.service': tcp.keepidle: '60s' is not {SECONDS}"]
    found = resolve_services(services, problems="return")
    assert isinstance(found, dict)
    assert found["problems"] == mistakes
    assert "a.service" in [service["name"] for service in found["services"]]
    assert found["absent"] == [{"name": "c.service", "restart": "if_running"}]
    right = resolve_services(services[:1], problems="return")
    assert isinstance(right, dict)
    assert (right["problems"], right["absent"]) == ([], [])
    for how in ({}, {"problems": "raise"}):
        with pytest.raises(AnsibleFilterError) as error:
            resolve_services(services, **how)
        assert str(error.value).splitlines() == [HEADER, *mistakes]


def test_what_is_no_way_to_tell_of_mistakes_is_one() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^problems: 'ignore' is not one of raise, return$"):
        resolve_services([], problems="ignore")


def test_one_policy_for_all_restarts() -> None:
    (service,) = resolve_services([{"name": "a.service", "restart": "if_running"}], restart="never")
    assert service["restart"] == "never"
    with pytest.raises(AnsibleFilterError, match="'sometimes' is not one of"):
        resolve_services([{"name": "a.service"}], restart="sometimes")


@knows_origins
@pytest.mark.parametrize("origin", [{"description": "a template"}, {"path": "/nowhere/at/all.yml"}, {}])
def test_a_number_of_which_nobody_knows_the_file_is_taken_at_its_value(origin: t.Dict[str, str]) -> None:
    number = Origin(**origin, line_num=1, col_num=1).tag(32) if origin else 32
    assert resolve_services([{"name": "a.service", "tcp": {"keepidle": number}}])[0]["tcp"]["keepidle"] == 32


@knows_origins
@pytest.mark.parametrize("place", [{}, {"line_num": 1}, {"line_num": 9, "col_num": 1}, {"line_num": 2, "col_num": 1}])
def test_a_place_that_the_file_does_not_have_says_nothing(tmp_path: pathlib.Path, place: t.Dict[str, int]) -> None:
    (tmp_path / "f.yml").write_text("0x20\nno number\n")
    number = Origin(path=str(tmp_path / "f.yml"), **place).tag(32)
    assert resolve_services([{"name": "a.service", "tcp": {"keepidle": number}}])[0]["tcp"]["keepidle"] == 32
    tagged = Origin(path=str(tmp_path / "f.yml"), line_num=1, col_num=1).tag(32)
    assert spelling(tagged) == "0x20", "the place that it has"


@knows_origins
def test_a_file_that_is_no_text_says_nothing(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.yml").write_bytes(b"0x20 # \xff\n")
    assert spelling(Origin(path=str(tmp_path / "f.yml"), line_num=1, col_num=1).tag(32)) is None
    assert spelling("0x20") is None, "no number"


def test_without_ansibles_own_notes_a_number_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setattr(_spelling, "Origin", None)
    services = load(tmp_path / "f.yml", "0x20")
    assert resolve_services(services)[0]["tcp"]["keepidle"] == 32


@knows_origins
def test_a_number_of_the_host_wide_mode_is_refused_as_it_stands_in_its_file(tmp_path: pathlib.Path) -> None:
    defaults = load(tmp_path / "f.yml", "010", "tcp: {{keepidle: {}}}\n")
    found = resolve_services([], host_settings={"defaults": defaults}, problems="return")
    assert isinstance(found, dict)
    assert found["problems"] == [f"keepalive_host_defaults: tcp.keepidle: '010' is not {SECONDS}"]


def test_the_host_wide_mode_is_checked_with_the_services_that_it_arranges() -> None:
    services = [{"name": "a.service", "libraries": ["socket"]}]
    found = resolve_services(services, host_settings={}, problems="return")
    assert isinstance(found, dict)
    assert ["socket is not loaded in the host-wide mode" in problem for problem in found["problems"]] == [True]
    assert resolve_services(services) != [], "without it that is right"
