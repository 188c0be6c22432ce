# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of others, and names of cgroups: whatever they are, no harm is done, and none is taken for another."""

from __future__ import annotations

import contextlib
import os

from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached, _recognised
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.cgroup2 import cgroup_folder, own_control_group
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import MARK, assembled, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused, ProgramInfo
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import bytes_of, fuzz, is_harmless, lines, texts
from hypothesis import strategies as st

OURS = packed(assembled(program_for(["connect", "listen"], {"syncnt": 3}, True)))
PIECES = [OURS[at : at + 8] for at in range(0, len(OURS), 8)]
SIGN = MARK.to_bytes(4, "little")


@fuzz(
    st.sampled_from((13, 25)),
    st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)),
    texts("keepalive", "_", "1", "23"),
)
def test_a_program_without_the_mark_is_not_ours(kind: int, code: bytes, name: str) -> None:
    found = _recognised(ProgramInfo(kind, 7, "00", name, 0, code))
    assert found.ours is False or (SIGN in code and name.startswith("keepalive_"))
    assert isinstance(found, Attached)
    assert is_harmless(str(found))


@fuzz(bytes_of(lines("0::", "/", "a.service", "/.control", "1:name=systemd:", "..")))
def test_an_own_cgroup_is_below_the_topmost_one(content: bytes) -> None:
    """Or none at all."""
    with contextlib.suppress(BpfRefused):
        folder = cgroup_folder(own_control_group(content), "/r")
        assert os.path.normpath(folder) == folder.rstrip("/")
        assert folder == "/r" or folder.startswith("/r/")


@fuzz(bytes_of(lines("0::", "/", "a.service", "..", "1:name=systemd:")))
def test_what_is_refused_is_told_without_harm(content: bytes) -> None:
    try:
        cgroup_folder(own_control_group(content), "/r")
    except BpfRefused as error:
        assert is_harmless(str(error))
