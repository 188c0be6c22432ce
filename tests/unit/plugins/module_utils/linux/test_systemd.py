# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemctl prints, and what is asked of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd

SHOWN = """Id=a.service
Names=a.service alias.service
ExecStart={ path=/bin/one ; argv[]=/bin/one x=y ; ignore_errors=no }
ExecStart={ path=/bin/two ; argv[]=/bin/two ; ignore_errors=no }
Environment="A=b c" D=e=f
Listen=[::]:22 (Stream)
Listen=127.0.0.1:23 (Stream)
Result=

Id=b.service
Names=b.service
LoadState=not-found

"""


def answering(text: str, status: int = 0, error: str = "") -> t.Tuple[systemd.Run, t.List[t.List[str]]]:
    commands: t.List[t.List[str]] = []

    def run(command: t.List[str]) -> t.Tuple[int, str, str]:
        commands.append(command)
        return status, text, error

    return run, commands


def test_blocks_of_properties_some_of_which_have_several_values() -> None:
    first, second = systemd.parse_show(SHOWN)
    assert first["Environment"] == '"A=b c" D=e=f'
    assert first["Listen"].splitlines() == ["[::]:22 (Stream)", "127.0.0.1:23 (Stream)"]
    assert first["ExecStart"].count("path=") == 2
    assert first["Result"] == ""
    assert second == {"Id": "b.service", "Names": "b.service", "LoadState": "not-found"}


@pytest.mark.parametrize("text", ["", "\n\n", "LoadState=loaded\n", "no property\n\nneither\n"])
def test_what_is_no_unit_is_left_out(text: str) -> None:
    assert systemd.parse_show(text) == []


def test_units_are_found_by_the_names_that_were_asked_for() -> None:
    run, commands = answering(SHOWN)
    shown = systemd.show(run, ["alias.service", "b.service"])
    assert sorted(shown) == ["a.service", "alias.service", "b.service"]
    assert shown["alias.service"] is shown["a.service"]
    ((program, verb, *options, separator, first, second),) = commands
    assert (program, verb, separator, first, second) == ("systemctl", "show", "--", "alias.service", "b.service")
    assert "--no-pager" in options


def test_no_units_are_no_question() -> None:
    run, commands = answering(SHOWN)
    assert (systemd.show(run, []), commands) == ({}, [])


def test_a_systemctl_that_fails_is_quoted() -> None:
    run, _commands = answering("", 1, "Failed to connect to bus: Host is down\n")
    with pytest.raises(
        systemd.SystemdError, match=r"^systemctl show failed \(1\): Failed to connect to bus: Host is d"
    ):
        systemd.show(run, ["a.service"])


def test_the_files_of_a_template() -> None:
    run, commands = answering(
        "# /etc/systemd/system/w@.service\n[Service]\n# a comment\n#/no/path\n\n"
        "# /etc/systemd/system/w@.service.d/10.conf\n"
    )
    found = systemd.template_files(run, "w@.service")
    assert found == ("/etc/systemd/system/w@.service", ["/etc/systemd/system/w@.service.d/10.conf"])
    assert commands == [["systemctl", "cat", "--no-pager", "--", "w@.service"]]
    run, _commands = answering("", 1, "No files found for w@.service.")
    assert systemd.template_files(run, "w@.service") == ("", [])
    for masked in ("# /dev/null\n", "# Unit w@.service is masked.\n"):
        run, _commands = answering(masked)
        assert systemd.template_files(run, "w@.service") == (systemd.MASKED, [])


@pytest.mark.parametrize(
    ("prop", "path"),
    [
        ("{ path=/bin/a ; argv[]=/bin/a ; x ; argv[]= ; }", "/bin/a"),
        ("{ path=/opt/my app/run ; argv[]=x }\n{ path=/bin/b ; argv[]=b }", "/opt/my app/run"),
        ("", ""),
    ],
)
def test_the_program_of_a_service(prop: str, path: str) -> None:
    assert systemd.exec_path(prop) == path


@pytest.mark.parametrize(
    ("state", "active"),
    [("active", True), ("reloading", True), ("activating", True),
     ("inactive", False), ("failed", False), ("deactivating", False)],
)  # fmt: skip
def test_which_units_run(state: str, active: bool) -> None:
    assert systemd.is_active({"ActiveState": state}) is active
    assert systemd.is_active({}) is False


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ("1min 30s", 90),
        ("7200000000", 7200),
        ("2h", 7200),
        ("1d 1h", 90000),
        ("1w", 604800),
        ("9h 6min 7s", 32767),
        ("999ms", 1),
        ("1s 500ms", 2),
        ("1.5s", 2),
        ("100us", 1),
        ("500ms 500ms", 1),
        ("0", 0),
        ("infinity", None),
        ("1 fortnight", None),
        ("", None),
    ],
)
def test_time_spans(span: str, seconds: t.Optional[int]) -> None:
    assert systemd.seconds(span) == seconds


def test_a_question_has_an_end_that_says_who_did_not_answer() -> None:
    with pytest.raises(systemd.NoAnswer, match=r"^systemd \(process 1\) did not answer 'sleep 60' within 0.1 s$"):
        systemd.ask_systemd(["sleep", "60", "1"], 0.1)


def test_what_cannot_be_run_is_named() -> None:
    with pytest.raises(systemd.SystemdError, match=r"^/nowhere cannot be run: "):
        systemd.ask_systemd(["/nowhere"])


def test_a_host_without_systemd_is_said_to_be_one() -> None:
    with pytest.raises(systemd.SystemdError) as error:
        systemd.ask_systemd(["/nowhere/systemctl", "show"])
    assert str(error.value) == (
        "/nowhere/systemctl cannot be run: No such file or directory: this host is not run by systemd (Alpine Linux, "
        "for instance, is run by OpenRC), and systemd's units are what keepalive is given to"
    )


def test_what_was_answered_is_handed_on() -> None:
    assert systemd.ask_systemd(["sh", "-c", "echo out; echo $LC_ALL >&2; exit 3"]) == (3, "out\n", "C\n")


@pytest.mark.parametrize(
    "span", [".", "1.2.3s", "1.", ".5s", "s", "infinity", "1parsec", "²", "１２s", "1_0s", "-1s", "9" * 400, "1 . 2"]
)
def test_what_is_no_span_of_time_is_none(span: str) -> None:
    assert systemd.seconds(span) is None


def test_a_line_ends_at_a_newline_alone_and_what_has_to_be_a_number_is_one() -> None:
    odd = "x\x0bMainPID=1\x0cId=b.service\x1c\x85\u2028MainPID=2\rMainPID=3"
    (found,) = systemd.parse_show(f"Id=a.service\nEnvironment={odd}\nMainPID=²\nNRestarts=1_0\n")
    assert found == {"Id": "a.service", "Environment": odd, "LoadState": "unknown"}


def test_a_block_whose_name_is_no_units_is_left_out() -> None:
    assert systemd.parse_show("Id=../../etc/x.service\n\nId=--help\n\nId=a\tb.service\n") == []


def test_an_alias_is_found_however_systemctl_quotes_it() -> None:
    """Exactly as systemd 252 and 257 show it."""
    run, _commands = answering('Id=plain.service\nNames=plain.service "other\\\\x2dname.service"\nLoadState=loaded\n')
    assert sorted(systemd.show(run, ["other\\x2dname.service"])) == ["other\\x2dname.service", "plain.service"]


def test_the_environment_that_systemd_hands_to_every_service() -> None:
    run, commands = answering('Environment=LANG=C.UTF-8 "LD_PRELOAD=/opt/a b.so" EMPTY=\nVersion=252.39-1~deb12u2\n')
    found = systemd.show_manager(run)
    assert found == ({"LANG": "C.UTF-8", "LD_PRELOAD": "/opt/a b.so", "EMPTY": ""}, 252)
    assert commands == [["systemctl", "show", "--no-pager", "--property=Environment,Version"]]
    with pytest.raises(systemd.SystemdError, match=r"^systemctl show failed \(1\): no bus$"):
        systemd.show_manager(answering("", 1, "no bus\n")[0])
    assert systemd.show_manager(answering("Environment=\nVersion=v\n")[0]) == systemd.Manager()


@pytest.mark.parametrize(
    ("shown", "paths"),
    [
        ("/etc/default/shop (ignore_errors=yes)", ["/etc/default/shop"]),
        (
            "/etc/with space (ignore_errors=no)\n/etc/b(1)* (ignore_errors=yes)",
            ["/etc/with space", "/etc/b(1)*"],
        ),
        ("", []),
    ],
)
def test_environment_files_as_systemctl_shows_them(shown: str, paths: t.List[str]) -> None:
    assert systemd.environment_files({"EnvironmentFiles": shown}) == paths
    assert systemd.environment_files({}) == []
