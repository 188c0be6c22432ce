# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings file the libraries would trust, and what its lines say to a process."""

from __future__ import annotations

import os
import pathlib
import re
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import settings_file
from ansible_collections.netops.keepalive.plugins.module_utils.linux import below_root

RIGHT = "; right is a regular file of root's with mode 0644 and less than 1 MiB"


def content(path: pathlib.Path, owner: t.Optional[int]) -> bytes:
    with below_root.find(str(path)) as found:
        return settings_file.content_of(found, "/etc/x.conf", owner)


@pytest.fixture(name="file")
def file_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    file = tmp_path / "x.conf"
    file.write_bytes(b"TCP_KEEPIDLE=60\n")
    file.chmod(0o644)
    return file


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444, 0o755, 0o4644])
def test_a_file_that_only_its_owner_may_write(file: pathlib.Path, mode: int) -> None:
    file.chmod(mode)
    assert content(file, os.getuid()) == b"TCP_KEEPIDLE=60\n"


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o620, 0o602])
def test_a_file_that_others_may_write(file: pathlib.Path, mode: int) -> None:
    file.chmod(mode)
    why = f"/etc/x.conf has mode {mode:04o}: others than root may write it{RIGHT}"
    with pytest.raises(settings_file.Unusable, match=f"^{re.escape(why)}$"):
        content(file, os.getuid())


@pytest.mark.parametrize("owner", [12345, None])
def test_a_file_of_somebody_else(file: pathlib.Path, owner: t.Optional[int]) -> None:
    """To a process in a user namespace another user's files are root's, or nobody's."""
    why = f"/etc/x.conf belongs to uid {os.getuid()}{RIGHT}"
    with pytest.raises(settings_file.Unusable, match=f"^{re.escape(why)}$"):
        content(file, owner)


def test_what_is_no_file(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o666)
    for path in (tmp_path / "fifo", tmp_path):
        why = f"/etc/x.conf cannot be read: not a regular file{RIGHT}"
        with pytest.raises(settings_file.Unusable, match=f"^{re.escape(why)}$"):
            content(path, 12345)


def test_a_file_may_be_so_long(file: pathlib.Path) -> None:
    file.write_bytes(b"#" * ((1 << 20) - 1))
    assert len(content(file, os.getuid())) == (1 << 20) - 1
    file.write_bytes(b"#" * (1 << 20))
    with pytest.raises(settings_file.Unusable, match="has 1048576 bytes or more"):
        content(file, os.getuid())


@pytest.mark.parametrize(
    ("variable", "taken"),
    [
        ("LIBKEEPALIVE_DEBUG", {"": 0, "0": 0, "1": 1, "yes": 1, "off": 1, "00": 1, "-1": 1, "1 0": 1}),
        ("LIBKEEPALIVE_DISABLE", {"0": 0, "1": 1}),
        ("LIBKEEPALIVE_RESPECT", {"0": 0, "1": 1}),
    ],
)
def test_a_switch_is_0_or_1_and_debug_is_on_with_anything_else(variable: str, taken: t.Dict[str, int]) -> None:
    texts = ["", "0", "1", "yes", "off", "00", "-1", "1 0"]
    found = {text: settings_file.parse_settings(f"{variable} = {text}\n", "", "") for text in texts}
    assert found == {text: {variable: taken[text]} if text in taken else {} for text in texts}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("/usr/sbin/sshd", True), ("*/sshd", True), ("?usr/sbin/sshd", False), ("[/]usr/sbin/sshd", False)],
)
def test_a_program_is_named_from_its_root_or_with_a_star(pattern: str, fits: bool) -> None:
    """As in csrc/settings.c: what begins otherwise is no heading, whatever it would fit."""
    text = f"[program {pattern}]\nTCP_KEEPIDLE=77\n"
    assert settings_file.parse_settings(text, "", "/usr/sbin/sshd") == ({"TCP_KEEPIDLE": 77} if fits else {})
