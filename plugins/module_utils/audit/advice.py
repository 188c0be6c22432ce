# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to do about connections without keepalive: the program's own setting, a preloaded library, or nothing."""

from __future__ import annotations

import os
import typing as t

from ..linux.unit_names import is_unit_name
from ..settings.options import LIBRARIES
from ..settings.pattern import fits
from ..units import wrappers
from .entry import LIBRARY_OF, AsFound, entry_for, variables_of
from .idle import KeepaliveTimes
from .own_settings import SETTINGS, OwnSetting, fill_in

_LATER = {
    "outgoing": ", and has to run again for what is opened later",
    "accepted": "; a listener hands it on until the next start",
}


class Program(t.NamedTuple):
    """What decides about the advice, of all processes of one unit that run the same program."""

    path: str
    script: str = ""
    unit: str = ""
    """The name that an entry of keepalive_services would have; a template stands for its instances."""
    libraries: t.Tuple[str, ...] = ()
    """Mapped libraries that audit/own_settings.py knows."""
    loaded: t.Tuple[str, ...] = ()
    """Libraries of this collection that are mapped."""
    static: bool = False
    go: bool = False
    musl: bool = False
    secure: bool = False
    lost: str = ""
    """What shows that what starts it keeps systemd's environment from it."""
    told: bool = False
    """Whether where it gets its variables from instead names the libraries already."""
    instance: str = ""
    """Of a template, one of the units that run."""
    leader: str = ""
    """What the unit runs, where this was started by it."""


class Advice(t.NamedTuple):
    """What to do about one direction of one program's connections."""

    kind: str
    """V(native), V(preload), V(program), V(elsewhere) or V(nothing): what comes first."""
    native: t.List[t.Dict[str, t.Any]]
    entry: t.Optional[t.Dict[str, t.Any]]
    """An entry of keepalive_services, None where nothing can be preloaded and the host's kernel cannot help."""
    obstacle: str
    """Why nothing can be preloaded by an entry, with the way that works where there is one."""
    notes: t.List[str]
    way: str = ""
    """The end of that: what brings a library into the program although no entry does."""


def advise(
    program: Program,
    side: str,
    values: KeepaliveTimes,
    *,
    ports: t.Iterable[int] = (),
    by_default: bool = False,
    own: t.Optional[KeepaliveTimes] = None,
    found: t.Optional[AsFound] = None,
    ended_by: t.Sequence[int] = (),
    all_ended: bool = False,
    can_attach: t.Callable[[t.Mapping[str, t.Any]], bool] = lambda entry: False,
) -> Advice:
    """Say what to do.

    :param ports: the peers' ports, for outgoing connections.
    :param by_default: some have keepalive on with the times of the host's sysctls.
    :param own: times that the program has chosen itself, where it has.
    :param found: what the unit has already, which the entry has to keep.
    :param ended_by: user timeouts (ms) that alone keep connections with good times from being right.
    :param all_ended: that is all that is wrong.
    :param can_attach: tells whether a BPF program can set on this host what an entry says; asked where no library can.
    """
    settings = settings_for(program, side, ports)
    found = found or AsFound()
    obstacle = obstacle_to_preload(program)
    attachable = is_service(program.unit) and (bool(obstacle) or found.by_program)
    if ended_by and all_ended:  # an entry would leave the user timeout as it is
        obstacle, attachable = obstacle or "the times are right already", False
    entry: t.Optional[t.Dict[str, t.Any]] = None
    remarks: t.List[str] = []
    way = ""
    if not obstacle:
        says_user_timeout = any(setting.user_timeout for setting in settings)
        entry, remarks = entry_for(program.unit, side, values, found, says_user_timeout)
        if program.lost and is_service(program.unit):
            way = _way_past_wrapper(program, entry)
            why = f"what starts it gives it an environment of its own ({program.lost}), so a drop-in does not reach it"
            entry, obstacle, attachable = None, f"{why}; {way}", True
            remarks = ["the role keepalive_build installs the libraries; then restart the unit"]
            if program.told:
                remarks = ["that is done already, as it seems: restart the unit"]
    if attachable:
        by_program, said = _by_program(program, side, values, found, bool(own))
        if found.by_program or can_attach(by_program):
            entry, remarks, way, obstacle = by_program, said, "", obstacle.replace(f"; {way}", "") if way else obstacle
    kind = _kind(program, settings, entry, way)
    notes = [_why_not_enough(program, side, own, found)] if kind == "preload" else []
    notes += remarks
    if ended_by:
        shown = " or ".join(f"{each} ms" for each in ended_by[:3])
        notes.append(
            f"a user timeout of {shown} ends {'them' if all_ended else 'some'} at the first lost probe, whatever "
            "keepcnt says: that is for the program's own configuration, or for the entry that sets it"
        )
    if by_default and not entry and not any(setting.times for setting in settings):
        notes.append(
            f"keepalive is on with the host's times: sysctl net.ipv4.tcp_keepalive_time={values.keepidle} "
            f"net.ipv4.tcp_keepalive_intvl={values.keepintvl} changes those of all such programs of the host"
        )
    if kind == "nothing" and is_service(program.unit) and not (ended_by and all_ended):
        notes.append(f"the module socket_options sets what is open now{_LATER[side]}")
    if any(setting.heartbeat for setting in settings):
        notes.append("a heartbeat of the program counts as well; the audit reads TCP's options and does not see it")
    native = [_native(setting, values) for setting in settings]
    return Advice(kind, native, entry, obstacle, list(filter(None, notes)), way)


def _why_not_enough(program: Program, side: str, own: t.Optional[KeepaliveTimes], found: AsFound) -> str:
    """Say what an entry meets that is there already; '' where there is nothing."""
    acting = [LIBRARIES[name] for name in (LIBRARY_OF[side], "socket") if LIBRARIES[name] in program.loaded]
    if acting:
        return f"{', '.join(acting)} is loaded already: socket_options_info says why it is not enough"
    if LIBRARY_OF[side] in found.asked:
        library = LIBRARIES[LIBRARY_OF[side]]
        return f"the unit's drop-in names {library} already, and it is not loaded: socket_options_info says why"
    if own:
        return (
            f"the program itself chose {own.keepidle} s / {own.keepintvl} s x {own.keepcnt}: where it does so after "
            f"{'connect()' if side == 'outgoing' else 'accept()'}, its values win"
        )
    return ""


def _kind(
    program: Program, settings: t.Sequence[OwnSetting], entry: t.Optional[t.Mapping[str, t.Any]], way: str
) -> str:
    """Say what comes first."""
    by_systemd = program.unit.endswith(".socket")  # its own setting is what the entry writes
    if not by_systemd and any(setting.times and setting.certain for setting in settings):
        return "native"
    if entry:
        return "program" if entry.get("backend") else "preload"
    if settings:
        return "native"
    return "elsewhere" if way else "nothing"


def _by_program(
    program: Program, side: str, values: KeepaliveTimes, found: AsFound, own: bool
) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Return the entry by which the kernel itself sets the options, and what one has to know about it."""
    entry, remarks = entry_for(program.unit, side, values, found)
    entry["backend"] = "bpf"
    if found.by_program:
        remarks.append("its drop-in has a program attached already: socket_options_info says why it is not enough")
    if own or program.go:
        after = "connect()" if side == "outgoing" else "accept()"
        remarks.append(f"what the program sets after {after} wins, unless the entry says 'enforce: true' as well")
    return entry, remarks


def _way_past_wrapper(program: Program, entry: t.Mapping[str, t.Any]) -> str:
    """Say what gives a program its variables where no drop-in does; for all hosts and instances alike."""
    unit = program.instance or program.unit
    template, _at, instance = unit.partition("@")
    if "-" in instance.strip("-"):
        unit = f"{template}@VERSION-CLUSTER.service"  # as Debian names PostgreSQL's; a place of its own for each
    variables = variables_of(entry)
    unknown = wrappers.way_of("", unit, variables)
    ways = (wrappers.way_of(path, unit, variables) for path in (program.path, program.leader))
    way = next((known for known in ways if known != unknown), unknown)
    if all(value in way for value in variables.values()):
        return way
    # Where names alone are handed on, nobody gives the values: there is no drop-in. postfix takes NAME=VALUE as well.
    return way.replace(" ".join(variables), " ".join(f"{name}={value}" for name, value in variables.items()))


def settings_for(program: Program, side: str, ports: t.Iterable[int]) -> t.List[OwnSetting]:
    """Return the settings that a program has for one direction, those that are surely meant first."""
    names = {os.path.basename(program.path), program.script, os.path.basename(program.script)}
    peers = set(ports)

    def applies(setting: OwnSetting) -> bool:
        meant = side in setting.sides and not (setting.ports and peers.isdisjoint(setting.ports))
        return meant and (
            (setting.go and program.go)
            or _any_matches(names, setting.programs)
            or _any_matches({program.unit}, setting.units)
            or _any_matches({os.path.basename(path) for path in program.libraries}, setting.libraries)
        )

    return sorted(filter(applies, SETTINGS), key=lambda setting: not setting.certain)


def client_libraries(mapped: t.Iterable[str]) -> t.Tuple[str, ...]:
    """Pick the libraries that the table knows of all that a process has mapped."""
    patterns = [pattern for setting in SETTINGS for pattern in setting.libraries]
    return tuple(sorted(path for path in mapped if _any_matches({os.path.basename(path)}, patterns)))


def obstacle_to_preload(program: Program) -> str:
    """Say why nothing can be preloaded, '' where it can."""
    unit = program.unit
    if is_unit_name(unit, ("socket",)):
        return ""  # systemd sets the options itself
    if program.go:
        return "a Go program makes its system calls itself"
    if program.static:
        return "the program is statically linked"
    if program.musl:
        return "the program uses musl, the libraries glibc"
    if program.secure:
        return "the program is setuid or has file capabilities: the loader drops LD_PRELOAD"
    if unit.startswith("user@"):
        return "it runs in a user's own systemd"
    if unit.startswith("session-"):
        return "it was started in a login session, not by a unit"
    if not is_service(unit):
        return (
            "it is not a service of systemd (in a container, the variables go into its image, or its slice gets an "
            "entry with 'backend: bpf')"
        )
    return ""


def is_service(unit: str) -> bool:
    """Tell whether it is one of the system's services, which the modules can be given by name."""
    return is_unit_name(unit, ("service",)) and not unit.startswith("user@")


def _native(setting: OwnSetting, values: KeepaliveTimes) -> t.Dict[str, t.Any]:
    return {
        "name": setting.name,
        "setting": fill_in(setting.text, values).replace("`", ""),
        "where": fill_in(setting.where, values),
        "source": setting.source,
        "sets_times": setting.times,
        "certain": setting.certain,
        "remark": setting.remark.replace("`", ""),
    }


def _any_matches(names: t.Iterable[str], patterns: t.Iterable[str]) -> bool:
    return any(fits(pattern, name) for pattern in patterns for name in names)
