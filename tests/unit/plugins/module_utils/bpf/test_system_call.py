# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel refuses, in words: which machine, which capability, which kind of file, what its verifier says."""

from __future__ import annotations

import errno
import os
import pathlib
import platform
import re
import resource
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import system_call
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.instruction import EXIT, LOAD, Instruction, packed
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import assembled, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import (
    BpfRefused,
    ProgramInfo,
    load_program,
    missing_capabilities,
    open_program,
    program_info,
    query_programs,
)
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.tests.unit.support.cgroups import (
    held_cgroup,
    needs_programs,
    own_cgroup,
)
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

CODE = packed(assembled(program_for(["connect"], {})))
OTHER = packed(assembled(program_for(["connect"], {"keepidle": 16})))
DROP = """
import ctypes
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
for capability in {kept}:
    data[3 * (capability // 32)] |= 1 << capability % 32
    data[3 * (capability // 32) + 1] |= 1 << capability % 32
assert ctypes.CDLL(None).capset(header, data) == 0
sys.path.insert(0, {path!r})
from ansible_collections.netops.keepalive.plugins.module_utils.bpf import system_call
def said(work, *arguments):
    try:
        return work(*arguments) is None
    except system_call.BpfRefused as error:
        return str(error)
"""
ABOVE = str(pathlib.Path(system_call.__file__).parents[6])
LOADS = f"answer = said(system_call.load_program, {CODE!r}, 'keepalive_1', 'ISC')"


@needs_programs
@pytest.mark.parametrize(
    "kept, missing",
    [
        ([], "CAP_BPF and CAP_NET_ADMIN (or CAP_SYS_ADMIN)"),
        ([12], "CAP_BPF (or CAP_SYS_ADMIN)"),
        ([39], "CAP_NET_ADMIN (or CAP_SYS_ADMIN)"),
    ],
)
def test_a_missing_capability_is_named(kept: t.List[int], missing: str) -> None:
    with Child(DROP.format(kept=kept, path=ABOVE)) as child:
        assert child.run(LOADS) == f"BPF_PROG_LOAD: Operation not permitted (EPERM): this process lacks {missing}"


@needs_programs
@pytest.mark.parametrize("kept", [[12, 39], [21]])
def test_these_capabilities_do(kept: t.List[int]) -> None:
    with Child(DROP.format(kept=kept, path=ABOVE)) as child:
        assert child.run(LOADS) is False, "it returns a descriptor"


def test_capabilities_are_those_that_count_now(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / str(os.getpid())
    folder.mkdir()
    (folder / "status").write_text("CapPrm:\t000001ffffffffff\nCapEff:\t0000000000001000\n")
    assert missing_capabilities(Proc(str(tmp_path))) == "CAP_BPF (or CAP_SYS_ADMIN)"


@pytest.mark.parametrize("machine", ["s390x", "armv7l", "aarch64_be"])
def test_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """The number of the call is another one, or the order of bytes."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(BpfRefused, match=rf"^the number of bpf\(2\) on {machine} in a program of 64 bits is not "):
        open_program(1)


@needs_programs
def test_what_the_verifier_says_is_told() -> None:
    with pytest.raises(BpfRefused) as refused:
        load_program(packed([Instruction(LOAD, 0, 1, 4000), Instruction(EXIT)]), "keepalive_1", "ISC")
    said = "0: (61) r0 = *(u32 *)(r1 +4000) / invalid bpf_context access off=4000 size=4"
    assert str(refused.value) == f"BPF_PROG_LOAD: Permission denied (EACCES); its verifier says: {said}"


def test_no_cgroup_of_version_2(tmp_path: pathlib.Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may ask")
    with held_cgroup(tmp_path) as folder, pytest.raises(BpfRefused) as refused:
        query_programs(folder)
    if refused.value.errno != errno.EBADF:
        pytest.skip(f"no programs here: {refused.value}")
    assert str(refused.value) == "BPF_PROG_QUERY: Bad file descriptor (EBADF): this is no cgroup of version 2"


@needs_programs
def test_a_program_that_is_gone() -> None:
    with pytest.raises(BpfRefused) as refused:
        open_program(2**31)
    assert str(refused.value) == "BPF_PROG_GET_FD_BY_ID: No such file or directory (ENOENT): it is not there any more"


@pytest.mark.parametrize(
    "number, said",
    [
        (
            errno.ENOSYS,
            "Function not implemented (ENOSYS): the kernel has no bpf(2), or a filter of system calls hides it",
        ),
        (
            errno.EINVAL,
            "Invalid argument (EINVAL): the kernel does not know what was asked for: it is too old, or was built "
            "without CONFIG_CGROUP_BPF",
        ),
        (524, "Unknown error 524 (524)"),
    ],
)
def test_every_refusal_is_told_as_the_kernel_says_it(number: int, said: str) -> None:
    assert system_call._in_words(9, number) == said


@needs_programs
@pytest.mark.parametrize(
    "lockdown, said",
    [
        ("none [integrity] confidentiality\n", "; the kernel's lockdown says 'none [integrity] confidentiality'"),
        ("[none] integrity confidentiality\n", ""),
        (None, ""),
    ],
)
def test_who_has_the_capabilities_is_told_what_else_it_may_be(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, lockdown: t.Optional[str], said: str
) -> None:
    if lockdown is not None:
        (tmp_path / "lockdown").write_text(lockdown)
    monkeypatch.setattr(system_call, "_LOCKDOWN", str(tmp_path / "lockdown"))
    general = "this process has the capabilities; a container, a security module or a filter of system calls forbids it"
    above = ", or a cgroup above those that are shown here has an exclusive program"
    assert system_call._in_words(5, errno.EPERM) == f"Operation not permitted (EPERM): {general}{said}"
    assert system_call._in_words(8, errno.EPERM) == f"Operation not permitted (EPERM): {general}{above}{said}"


@needs_programs
def test_what_is_told_of_a_program() -> None:
    """Another one of the same instructions has the same tag, whatever its name."""
    one, two, other = (
        load_program(code, name, "ISC")
        for name, code in (("keepalive_1", CODE), ("name.of_15_long", CODE), ("keepalive_1", OTHER))
    )
    told, same, differs = map(program_info, (one, two, other))
    for program in (one, two, other):
        os.close(program)
    assert told == ProgramInfo(13, told.id, told.tag, "keepalive_1", 0, told.xlated, told.loaded)
    assert re.fullmatch("[0-9a-f]{16}", told.tag)
    assert told.xlated is not None
    assert len(told.xlated) == len(CODE)
    assert (same.tag, same.name, same.id > told.id) == (told.tag, "name.of_15_long", True)
    assert differs.tag != told.tag


@needs_programs
def test_more_programs_than_were_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in a cgroup may be those of many above it."""
    with own_cgroup() as folder, held_cgroup(folder) as cgroup:
        real, asked = system_call.call_bpf, []

        def refuse_once(command: int, attributes: bytes) -> t.Tuple[int, bytes]:
            asked.append(int.from_bytes(attributes[24:28], "little"))
            if len(asked) == 1:
                raise BpfRefused("", errno.ENOSPC)
            return real(command, attributes)

        monkeypatch.setattr(system_call, "call_bpf", refuse_once)
        assert list(query_programs(cgroup).ids) == []
        assert asked == [64, 512]


@needs_programs
@pytest.mark.parametrize("may_lift", [True, False])
def test_little_locked_memory_is_no_obstacle(monkeypatch: pytest.MonkeyPatch, may_lift: bool) -> None:
    """Before Linux 5.11 programs count as locked memory: the limit is lifted as far as it may be, and put back."""
    real, calls, limits = system_call.call_bpf, [], [(65536, 8388608)]

    def refuse_once(command: int, attributes: bytes) -> t.Tuple[int, bytes]:
        calls.append(command)
        if len(calls) == 1:
            raise BpfRefused("", errno.EPERM)
        return real(command, attributes)

    def set_limit(_resource: int, limit: t.Tuple[int, int]) -> None:
        if limit[1] not in (8388608, limits[-1][1]) and not may_lift:
            raise ValueError("not allowed to raise maximum limit")
        limits.append(limit)

    monkeypatch.setattr(system_call, "call_bpf", refuse_once)
    monkeypatch.setattr(resource, "getrlimit", lambda _resource: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    os.close(load_program(CODE, "keepalive_1", "ISC"))
    most = resource.RLIM_INFINITY if may_lift else 8388608
    assert limits == [(65536, 8388608), (most, most), (65536, most)]
