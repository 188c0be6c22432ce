# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instructions back to what they do: our own for every value, what kernels show of them, and those of others."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.decode import decode, has_mark
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import Instruction, packed, unpacked
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import MARK, assembled, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import DERIVE, OPTIONS
from ansible_collections.netops.keepalive.tests.unit.fuzz.fuzzing import fuzz
from hypothesis import strategies as st

SHOWN = json.loads((pathlib.Path(__file__).parents[4] / "data" / "bpf_shown.json").read_text(encoding="utf-8"))
"""What Linux 6.18 shows of loaded programs: as it rewrites them, and with net.core.bpf_jit_harden=2."""


def tcps() -> st.SearchStrategy[t.Dict[str, int]]:
    """Options within their ranges."""
    return st.fixed_dictionaries(
        {
            name: st.one_of(
                st.just(0),
                st.integers(option.minimum, option.maximum),
                *([st.just(DERIVE)] if option.default == DERIVE else []),
            )
            for name, option in OPTIONS.items()
            if name != "defer_accept"
        }
    )


settings_of_units = st.tuples(
    st.sets(st.sampled_from(("connect", "listen", "socket"))), tcps(), st.booleans(), st.integers(0, 500)
)


@fuzz(settings_of_units, examples=200)
def test_what_is_written_is_read(unit: t.Tuple[t.Set[str], t.Dict[str, int], bool, int]) -> None:
    program = program_for(*unit)
    code = assembled(program)
    assert decode(code) == program
    assert has_mark(code)


@pytest.mark.parametrize("how", ["plain", "hardened"])
@pytest.mark.parametrize("case", SHOWN, ids=lambda case: str(case["about"]))
def test_what_a_kernel_shows_is_read(case: t.Dict[str, t.Any], how: str) -> None:
    program = program_for(case["libraries"], case["tcp"], case["respect"], case["flags_offset"])
    shown = unpacked(bytes.fromhex(case[how]))
    assert packed(shown) != packed(assembled(program)), "it is rewritten"
    assert decode(shown) == program
    assert has_mark(shown)


@fuzz(settings_of_units, st.sampled_from(("set", "get")))
def test_one_that_does_more_is_not_read_as_ours(
    unit: t.Tuple[t.Set[str], t.Dict[str, int], bool, int], what: str
) -> None:
    code = assembled(program_for(*unit))
    nodelay = [
        Instruction(0x62, 10, 0, -4, 1),
        Instruction(0xB7, 2, 0, 0, 6),
        Instruction(0xB7, 3, 0, 0, 1),
        Instruction(0x85, 0, 0, 0, 49),
        *([Instruction(0x55, 0, 0, 1, 0)] if what == "get" else []),
    ]
    assert decode([*code[:-2], *nodelay, *code[-2:]]) is None


@fuzz(
    st.lists(
        st.builds(
            Instruction,
            st.one_of(st.sampled_from([one.code for one in assembled(program_for([], {}))]), st.integers(0, 255)),
            st.integers(0, 15),
            st.integers(0, 15),
            st.integers(-(2**15), 2**15 - 1),
            st.integers(-(2**31), 2**31 - 1),
        ),
        max_size=40,
    ),
    examples=200,
)
def test_whatever_is_loaded_is_read_without_harm(code: t.List[Instruction]) -> None:
    assert decode(unpacked(packed(code))) is None
    assert not has_mark(code) or MARK in {one.value for one in code}


def test_a_program_of_another_layout_has_the_mark_and_no_values() -> None:
    code = assembled(program_for(["connect"], {}))
    other = [*code[:-2], Instruction(0xB7, 0, 0, 0, 0), code[-1]]
    assert (has_mark(other), decode(other)) == (True, None)


@pytest.mark.parametrize("respect, offset", [(False, 0), (True, 0), (True, 96)])
def test_a_program_without_one_of_its_conditions_is_not_read_as_ours(respect: bool, offset: int) -> None:
    """Which callbacks, whether one of ours was here, whether keepalive is on, whether it connects."""
    code = assembled(program_for(["connect", "listen"], {"syncnt": 3, "keepidle": 60}, respect, offset))
    jumps = [at for at, one in enumerate(code) if one.code in (0x15, 0x55) and one.to in (3, 9)]
    assert len(jumps) == 5
    for at in jumps[3:]:
        assert decode(code[:at] + code[at + 1 :]) is None
    for at in jumps[:3]:
        assert decode(code[:at] + code[at + 1 :]) != decode(code)
