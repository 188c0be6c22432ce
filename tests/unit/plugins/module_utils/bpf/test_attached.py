# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What programs of ours are where the kernel hides their instructions."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached, CgroupPrograms, _recognised
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import assembled, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import ProgramInfo

OURS = program_for(["connect"], {})
CODE = packed(assembled(OURS))


@pytest.mark.parametrize(
    "told, ours, program",
    [
        (ProgramInfo(13, 7, "ab", "keepalive_1", 0, CODE), True, OURS),
        (ProgramInfo(13, 7, "ab", "keepalive_1", 1000, CODE), True, OURS),
        (ProgramInfo(13, 7, "ab", "theirs", 0, CODE), False, None),
        (ProgramInfo(13, 7, "ab", "keepalive_1", 0, CODE[:16]), False, None),
        (ProgramInfo(13, 7, "ab", "keepalive_1", 0, None), True, None),
        (ProgramInfo(13, 7, "ab", "keepalive_1", 1000, None), False, None),
        (ProgramInfo(13, 7, "ab", "keepalive", 0, None), False, None),
        (ProgramInfo(13, 7, "ab", "keepalive_1 ", 0, None), False, None),
    ],
)
def test_ours_have_name_and_mark(told: ProgramInfo, ours: bool, program: object) -> None:
    """Hidden instructions: the name has to do, of what root has loaded."""
    assert _recognised(told) == Attached(7, told.name, "ab", ours, program)  # type: ignore[arg-type]


def test_a_program_is_named_with_its_id() -> None:
    names = [str(Attached(7, name, "", False)) for name in ("cilium", "", "a b", "\x1b[2J")]
    assert names == ["cilium (id 7)", "a program without a name (id 7)", "'a b' (id 7)", "'\\x1b[2J' (id 7)"]


def test_ours_and_theirs_are_told_apart() -> None:
    one, two = Attached(1, "keepalive_1", "", True), Attached(2, "x", "", False)
    found = CgroupPrograms(2, [two, one])
    assert (found.ours, found.foreign) == ([one], [two])
