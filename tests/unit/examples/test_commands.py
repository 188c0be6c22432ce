# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command in README.md and docs/ is run by some test, and is one that can be run.

Those of docs/first-hour.md are run as they stand there by the scenario first_hour, which runs some of other pages, too.
A new command has to be one of these, or be named in RUN_BY with the test that runs it, or in NOT_RUN with the reason.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.command.main import _parser
from ansible_collections.netops.keepalive.plugins.module_utils.settings.names import wrong_tags
from ansible_collections.netops.keepalive.plugins.module_utils.settings.variables import VARIABLES, wrong_values

TOP = pathlib.Path(__file__).parents[3]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (TOP / "docs").glob("*.md")))
WALKED = "docs/first-hour.md"

PROGRAM = re.compile(
    r"(?:[$#] |\w+# )?(?=(?:[A-Z_]+=\S+ ?)*(?:ansible(?:-[a-z]+)?|antsibull-\w+|apt(?:-get)?|auditctl|bpftool|cat|cd"
    r"|cp|curl|docker|export|fapolicyd-cli|find|for|git|grep|grub-\w+|jq|journalctl|keepalive-[a-z]+|kill|kubectl|ln|ls"
    r"|make|mkdir|mv|podman|postconf|printf|promtool|pytest|python3?|rm|scp|sed|semanage|setenforce|sha256sum"
    r"|some-client|ss|ssh|sudo|sysctl|systemctl|systemd-\w+|tee|until|xargs)(?: |$)|names=|: >|-e |--check )"
)
"""How a line begins that is a command, or options to add to one."""

OTHERS = "molecule/first_hour/verify.yml"
"""Has commands of other pages, with names of its hosts in the place of a reader's."""

RUN_BY: t.Dict[str, t.Tuple[str, str]] = {
    # command: (file, what stands there)
    "ansible-galaxy collection build --output-path /tmp": (".ci/artifact.py", '"collection", "build"'),
    "cd /tmp && ansible-galaxy collection install /tmp/netops-keepalive-0.2.0.tar.gz": (".ci/artifact.py", '"install"'),
    "ansible-galaxy collection install netops-keepalive-0.2.0.tar.gz": (".ci/artifact.py", '"install"'),
    "ansible-galaxy collection build --output-path .": (".ci/artifact.py", '"collection", "build"'),
    "ansible-builder build --tag keepalive-ee": (".ci/artifact.py", "ansible-builder"),
    "ansible-playbook -i INVENTORY netops.keepalive.enable_keepalive -e keepalive_services_restart=never": (
        "molecule/faults/window.yml", "keepalive_services_restart=never"),
    "ansible localhost -m debug -a \"msg={{ 'aws_nlb' | netops.keepalive.detection_time }}\"": (
        "tests/unit/plugins/filter/test_detection_time.py", "aws_nlb"),
    "ansible-runner run /srv/job --playbook=site.yml --ident=2024-06-01": (
        "molecule/mixed_fleet/verify.yml", "ansible-runner run . --playbook=site.yml"),
    "journalctl -b -u UNIT": (OTHERS, "journalctl -b -u reporter.service"),
    "find /usr/lib/libkeepalive -type f -exec sha256sum {} +": (
        OTHERS, "find /usr/lib/libkeepalive -type f -exec sha256sum {} +"),
    "cat /etc/ld.so.preload": ("molecule/host_wide/modes.yml", "cat /etc/libkeepalive.conf /etc/ld.so.preload"),
    "sha256sum /etc/ld.so.preload /etc/libkeepalive.conf": (
        "molecule/host_wide/way_back.yml", "sha256sum /etc/libkeepalive.conf /etc/ld.so.preload"),
    "keepalive-sockets --unit UNIT --wide": (WALKED, "keepalive-sockets --unit"),
    "systemctl cat UNIT": (WALKED, "systemctl cat worker@one.service"),
    "rm /etc/systemd/system/billing.service.d/zz-keepalive.conf": ("molecule/filtered/host.yml", "/zz-keepalive.conf"),
    "systemctl daemon-reload && systemctl restart billing.service": (WALKED, "daemon-reload && systemctl restart"),
    "-e keepalive_serial=100%": ("molecule/bpf/converge.yml", "keepalive_serial: 100%"),
    "-e '{\"keepalive_serial\": [1, 5]}'": ("molecule/mixed_fleet/verify.yml", "keepalive_serial: 1"),
    "-e keepalive_hosts=web": ("molecule/mixed_fleet/verify.yml", "keepalive_hosts: production"),
    "--check --diff": (OTHERS, "--check --diff"),
    "-e audit_include_local=true": ("molecule/field/audit.yml", "audit_include_local=true"),
    "-e audit_min_idle=300 -e audit_output=audit.json": ("molecule/audit/verify.yml", "audit_output="),
    "-e audit_whole_host=false": (WALKED, "audit_whole_host=false"),
    "cd csrc && make && sudo make install": ("tests/csrc/test_build.py", '"install"'),
    "TCP_KEEPIDLE=60 LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so some-client": (
        "tests/csrc/test_contexts.py", "LD_PRELOAD="),
    "names='LD_PRELOAD TCP_KEEPIDLE TCP_KEEPCNT TCP_KEEPINTVL TCP_USER_TIMEOUT'": (
        "molecule/field/files/advice.sh", "names="),
    'postconf -e "import_environment=$(postconf -h import_environment) $names"': (
        "molecule/field/files/advice.sh", "postconf -h import_environment"),
}  # fmt: skip

NOT_RUN = {
    "make test": "it is what runs these tests",
    ": > /etc/ld.so.preload": "for a host on which no program starts any more; what is tested is the watchdog",
    "for file in /usr/lib/libkeepalive/*.so /usr/lib/libkeepalive/keepalive-watchdog; do": "fapolicyd is not in Debian",
    'fapolicyd-cli --file add "$file" --trust-file keepalive': "fapolicyd is not in Debian",
    "systemctl cannot be run: No such file or directory: this host is not run by systemd"
    " (Alpine Linux, for instance,": "is what a host without systemd says",
    "semanage fcontext -a -t bin_t '/usr/lib/libkeepalive/keepalive-.*'": "no test host has SELinux",
    "fapolicyd-cli --update": "fapolicyd is not in Debian",
}


def code_of(text: str) -> t.Iterator[str]:
    """Yield the lines of code of a page that are not settings: indented ones, and those of fences without 'yaml'."""
    kind, fenced, after_blank, inside = "", False, True, 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        if line.lstrip().startswith("```"):
            fenced, kind = not fenced, line.strip("` ")
            continue
        if fenced:
            if kind not in ("yaml", "ini", "json"):
                yield line.strip()
            continue
        if line.strip():
            item = re.match(r" *(?:[-*+]|\d+[.)]) +", line)
            inside = 0 if after_blank and indent < inside else inside
            if after_blank and indent >= inside + 4:
                yield line.strip()
                continue
            inside = item.end() if item else inside
        after_blank = not line.strip()


def commands_of(text: str) -> t.List[str]:
    """Return the commands of a page, without prompts and comments; of one that goes on in further lines all of it."""
    found: t.List[str] = []
    open_quote = False
    for line in code_of(text):
        if open_quote:
            found[-1] += f" {line}"
        elif PROGRAM.match(line):
            found.append(PROGRAM.sub("", line, count=1))
        else:
            continue
        open_quote = found[-1].count("'") % 2 == 1
    return [re.sub(r" +# .*$", "", command).strip() for command in found]


def generic(command: str) -> str:
    """Return a command with the names that a reader puts in his own for."""
    command = re.sub(r"-i inventory\b", "-i INVENTORY", command).replace("--limit app1", "--limit HOST")
    command = command.replace(" || [ $? = 2 ]", "")
    return re.sub(r"\b(vendor-agent|billing)\.service", "reporter.service", command.replace(" app1 -", " HOST -"))


def commands() -> t.List[t.Any]:
    found = {command: page for page in PAGES for command in commands_of((TOP / page).read_text(encoding="utf-8"))}
    return [pytest.param(command, id=f"{page}: {command[:70]}") for command, page in found.items()]


def of_the_scenario() -> t.Dict[str, t.Dict[str, t.Any]]:
    """Return the tasks of the scenario, by name."""
    play = yaml.safe_load((TOP / OTHERS).read_text(encoding="utf-8"))[0]
    return {task["name"]: task for task in play["tasks"]}


WALK = {
    *map(generic, commands_of((TOP / WALKED).read_text(encoding="utf-8"))),
    *map(generic, of_the_scenario()["Run commands of other pages that can be run here"]["loop"]),
}


@pytest.mark.parametrize("command", commands())
def test_each_command_is_run_somewhere(command: str) -> None:
    if generic(command) in WALK or command in NOT_RUN or command.startswith(("ansible-pull ", "make ", "jq ")):
        return
    assert command in RUN_BY, "name the test that runs it in RUN_BY"
    place, text = RUN_BY[command]
    assert text in (TOP / place).read_text(encoding="utf-8"), place


def test_the_tables_name_no_command_that_is_gone() -> None:
    there = {each.values[0] for each in commands()}
    assert sorted({*RUN_BY, *NOT_RUN} - there) == []


def of_program(*names: str) -> t.List[t.Any]:
    return [each for each in commands() if each.values[0].split()[0] in names]


@pytest.mark.parametrize("command", of_program("ansible-playbook", "-e"))
def test_playbooks_variables_and_tags_are_there(command: str) -> None:
    words = shlex.split(command)
    playbook = next((word for word in words if word.startswith("netops.keepalive.")), None)
    if words[0] == "ansible-playbook":
        assert playbook and (TOP / "playbooks" / f"{playbook.rpartition('.')[2]}.yml").is_file()
    variables: t.Dict[str, t.Any] = {}
    for option, value in zip(words, words[1:]):
        if option == "-e":
            said = json.loads(value) if value.startswith("{") else dict([value.split("=", 1)])
            variables.update(said)
        if option in ("--tags", "--skip-tags"):
            assert wrong_tags([value], []) == []
    assert set(variables) <= set(VARIABLES)
    assert wrong_values(variables) == []
    known = {"-i", "-e", "--check", "--diff", "--limit", "--tags", "--skip-tags"}
    assert {word for word in words[1:] if word.startswith("-")} <= known


@pytest.mark.parametrize("command", of_program("ansible"))
def test_modules_take_the_arguments(command: str) -> None:
    words = shlex.split(command)
    module = words[words.index("-m") + 1] if "-m" in words else "command"
    text = words[words.index("-a") + 1]
    if not module.startswith("netops.keepalive."):
        return
    shown = subprocess.run(["ansible-doc", "--json", module], capture_output=True, text=True, check=True)
    options = json.loads(shown.stdout)[module]["doc"]["options"]
    given = json.loads(text) if text.startswith("{") else dict([text.split("=", 1)])
    assert set(given) <= set(options)
    for name in ("expected",):
        for entry in given.get(name, []):
            assert set(entry) <= set(options[name]["suboptions"])


@pytest.mark.parametrize("command", of_program("keepalive-sockets"))
def test_the_command_takes_its_arguments(command: str) -> None:
    _parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("command", of_program("make"))
def test_the_target_is_there(command: str) -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (TOP / "Makefile").read_text(encoding="utf-8"))
    assert command.split()[1] in targets


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize("command", of_program("jq"))
def test_who_is_in_danger_is_read_from_the_data_of_an_audit(command: str, tmp_path: pathlib.Path) -> None:
    group = {"unit": "a.service", "program": "/usr/bin/a", "overdue": 2, "longest_silence": 400.0}
    hosts = {"h1": {"groups": [group, {**group, "overdue": 0}]}, "unread": None}
    (tmp_path / "audit.json").write_text(json.dumps({"hosts": hosts}))
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout.replace("400.0", "400"), done.stderr) == ("h1\ta.service\t/usr/bin/a\t2\t400\n", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as on a host")
@pytest.mark.parametrize("command", of_program("ansible-pull"))
def test_a_host_pulls_a_repository_and_applies_it_to_itself(command: str, tmp_path: pathlib.Path) -> None:
    """With the audit of no unit in the place of a rollout: this may be anybody's machine."""
    site = tmp_path / "site.git"
    (site / "inventory").mkdir(parents=True)
    (site / "local.yml").write_text("- ansible.builtin.import_playbook: netops.keepalive.audit_keepalive\n")
    (site / "inventory" / "hosts.yml").write_text(
        "all: {hosts: {localhost: {ansible_connection: local, audit_whole_host: false,\n"
        "  ansible_python_interpreter: '{{ ansible_playbook_python }}'}}}\n"
    )
    git = ["git", "-C", str(site), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    done = subprocess.run(
        shlex.split(command.replace("https://git.example.com/site.git", str(site))),
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "1 of 1 hosts done" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\n\n    make x    # y\n    shown: z\n", ["make x"]),
        ("1. a\n\n       make x\n\n   b\n", ["make x"]),
        ("```console\n$ make x\nmade\nh1# ls /\n```\n", ["make x", "ls /"]),
        ("```yaml\nmake: x\n```\n", []),
        ("- a\n    make x: goes on\n", []),
        ("\n    jq 'a\n        b' c\n    d\n", ["jq 'a b' c"]),
    ],
)
def test_what_is_a_command(text: str, found: t.List[str]) -> None:
    assert commands_of(text) == found


def test_the_scenario_walks_the_page() -> None:
    script, page, _folder = of_the_scenario()["Run its commands, and compare what they show with what it says"][
        "ansible.builtin.command"
    ]["argv"]
    assert (script.endswith("/tests/hosts/walk"), page.endswith(f"/{WALKED}")) == (True, True)
