# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From all that was said of one unit to everything it gets, and to what its live sockets must show."""

from __future__ import annotations

import typing as t

from .checks import BACKENDS, ReportMistake
from .expectation import SYSTEMD_OPTIONS, Expectation
from .options import ALWAYS, DERIVE, OPTIONS, SWITCHES, SYSTEM, problem_with_user_timeout


class Mention(t.NamedTuple):
    """One checked dictionary of a list, with the words that name its place."""

    place: str
    values: t.Dict[str, t.Any]


DUE_AT_START = ("library_not_loaded", "opened_before_preload", "stale_environment")
"""The reasons of a process that was not restarted for its settings, and will have them when it is."""


class ResolvedService(t.NamedTuple):
    """One unit with everything that it gets. Between filter, roles and modules it travels as a dictionary."""

    name: str
    libraries: t.Sequence[str]
    """In the order of LIBRARIES; none for a .socket unit."""
    tcp: t.Mapping[str, int]
    """Every option, SYSTEM where it does not apply."""
    asked: t.Sequence[str] = ()
    """The options that are compared: what nobody said anything about is left to the application."""
    profile: t.Optional[str] = None
    restart: str = "if_running"
    live: bool = False
    overwrite: bool = False
    accept: t.Sequence[str] = ()
    min_sockets: int = 0
    if_present: bool = False
    """Where a host does not have the unit, that is no error."""
    debug: bool = False
    respect: bool = False
    backend: str = "preload"
    """What sets the options; V(auto) until the host has been asked what it can."""
    enforce: bool = False
    jitter: int = 0
    """By how many percent keepidle may be shorter than was asked for; see jitter.py."""
    latest_keepidle: int = 0
    """What was asked for, where there is a jitter."""
    idle_timeout: int = 0
    """Seconds after which what its profile is for forgets a connection, where that is built in."""

    @classmethod
    def from_dict(cls, service: t.Mapping[str, t.Any]) -> ResolvedService:
        """Take over what as_dict() gave. Nothing is checked: that was done when it was resolved.

        :raises KeyError: It has no name, libraries or tcp, and so never was what as_dict() gives.
        """
        asked = tuple((service.get("expected") or {}).get("tcp", ()))
        return cls(service["name"], service["libraries"], service["tcp"], asked, **_given(service))

    @property
    def type(self) -> str:
        """Say which kind of unit it is: V(socket), V(slice) or V(service)."""
        kind = self.name.rpartition(".")[2]
        return kind if kind in ("socket", "slice") else "service"

    @property
    def expected(self) -> Expectation:
        """Say what the live sockets must show."""
        accept = set(self.accept)
        never_restarted = self.restart == "never" or self.by_program
        if never_restarted and self.live:  # open sockets are set; what that cannot reach has to wait
            accept.add("due_at_restart")
        elif self.by_program:  # nobody has asked for what was open before
            accept.add("opened_before_attach")
        elif never_restarted:  # what runs is not asked to have the settings before its next start
            accept.update(DUE_AT_START)
        if self.respect:
            # Who turned keepalive on before the library saw the socket, this application or another, is all the same.
            accept.update(("overridden_by_application", "opened_before_preload"))
            if self.by_program:
                accept.add("opened_before_attach")
        return Expectation(
            self.name,
            frozenset(self.libraries),
            {option: self.tcp[option] for option in self.asked},
            frozenset(accept),
            self.min_sockets,
            self.live,
            self.respect,
            self.overwrite,
            self.if_present,
            self.backend,
            self.enforce,
        )

    @property
    def by_program(self) -> bool:
        """Tell whether a program of the unit's cgroup sets the options."""
        return self.backend == "bpf"

    @property
    def variables(self) -> t.Dict[str, str]:
        """Return what the libraries, or keepalive-bpf, read of it in an environment, in the order of the drop-in."""
        said = {name: self.tcp[name] for name in OPTIONS if name in ALWAYS or self.tcp[name] != SYSTEM}
        variables = {OPTIONS[name].variable: str(value) for name, value in said.items()}
        variables.update({variable: "1" for key, variable in SWITCHES.items() if getattr(self, key)})
        return variables

    @property
    def warnings(self) -> t.List[str]:
        """Say what is allowed, but surprises people."""
        warnings = []
        tcp, name = self.tcp, self.name
        if tcp["defer_accept"] != SYSTEM and "socket" in self.libraries:
            warnings.append(
                f"{name}: tcp.defer_accept with the socket library also delays this service's own connections: "
                "a server that speaks first is heard about 200 ms late"
            )
        if tcp["user_timeout"] not in (SYSTEM, DERIVE) and tcp["user_timeout"] < tcp["keepidle"] * 1000:
            warnings.append(
                f"{name}: tcp.user_timeout {tcp['user_timeout']} ms is shorter than keepidle {tcp['keepidle']} s: "
                "an idle dead peer is noticed after keepidle + keepintvl, a peer that stops reading after user_timeout"
            )
        least = (self.latest_keepidle or tcp["keepidle"]) + 2 * tcp["keepintvl"]
        if self.idle_timeout and SYSTEM not in (tcp["keepidle"], tcp["keepintvl"]) and least >= self.idle_timeout:
            warnings.append(
                f"{name}: keepidle + 2 x keepintvl is {least} s, which is not below the {self.idle_timeout} s of its "
                f"profile {self.profile}: where a probe is lost, so may be the connection"
            )
        return warnings

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return the form in which variables and the parameters of modules have it."""
        return {
            "name": self.name,
            "type": self.type,
            "profile": self.profile,
            "libraries": list(self.libraries),
            "restart": self.restart,
            "live": self.live,
            "overwrite": self.overwrite,
            "accept": list(self.accept),
            "min_sockets": self.min_sockets,
            "if_present": self.if_present,
            "debug": self.debug,
            "respect": self.respect,
            "backend": self.backend,
            "enforce": self.enforce,
            "tcp": dict(self.tcp),
            "expected": self.expected.as_dict(),
            "warnings": self.warnings,
            **({"jitter": self.jitter, "latest_keepidle": self.latest_keepidle} if self.jitter else {}),
            **({"idle_timeout": self.idle_timeout} if self.idle_timeout else {}),
        }


def _given(said: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Pick what is taken over as it was said; what nobody said has its default."""
    return {name: said[name] for name in ResolvedService._fields[4:] if name in said}


def with_backend(service: t.Mapping[str, t.Any], backend: str) -> t.Dict[str, t.Any]:
    """Return a resolved service, as a dictionary, with what the host has decided of C(backend=auto)."""
    resolved = ResolvedService.from_dict(service)
    return resolved._replace(backend=backend, debug=resolved.debug and backend != "bpf").as_dict()


def merge_settings(parts: t.Iterable[t.Mapping[str, t.Any]]) -> t.Dict[str, t.Any]:
    """Later parts win key by key, and within C(tcp) option by option."""
    said: t.Dict[str, t.Any] = {}
    for part in parts:
        tcp = {**said.get("tcp", {}), **part.get("tcp", {})}
        said.update(part)
        said["tcp"] = tcp
    return said


def complete(
    name: str, inherited: t.Sequence[Mention], own: t.Sequence[Mention], report: ReportMistake, libraries_known: bool
) -> ResolvedService:
    """Merge what was said of one unit, fill in the rest, and check that the parts fit together.

    :param inherited: What was said of all units, or of a profile; what of it does not apply to this one is left out.
    :param own: What was said of this unit; what of it does not apply is a mistake.
    :param libraries_known: False where a list of libraries is wrong, which is reported already.
    """
    said = merge_settings([entry.values for entry in (*inherited, *own)])
    is_socket = name.endswith(".socket")
    if is_socket and said.get("restart") == "reload_then_verify":  # of its own it may not say so, see below
        said["restart"] = "if_running"
    libraries = [] if is_socket else said.get("libraries", ["connect"])
    backend = said.get("backend", BACKENDS[0])
    if name.endswith(".slice") and (backend != "bpf" or name == "-.slice"):
        _refuse_slice(name, backend, own, report)
    applicable = [o for o in OPTIONS if _applies(o, libraries, is_socket, backend)]
    for entry in own:
        _check_applicable(entry, libraries, is_socket, applicable, report, libraries_known, backend)
        if entry.values.get("overwrite") and not said.get("live"):
            report(entry.place, "overwrite: has no effect without 'live: true'; add that, or leave it out")
    if said.get("overwrite") and said.get("respect"):
        report(own[-1].place, "overwrite: contradicts 'respect: true'; leave one of them out")
    if backend == "bpf":
        said["debug"] = False
    else:
        said["enforce"] = False
    if said.get("enforce") and said.get("respect"):
        report(own[-1].place, "enforce: contradicts 'respect: true'; leave one of them out")
    tcp = {o: said.get("tcp", {}).get(o, OPTIONS[o].default) for o in OPTIONS}
    tcp.update({o: SYSTEM for o in OPTIONS if o not in applicable})
    if not said.get("short_user_timeout"):
        _check_user_timeout([*inherited, *own], tcp, report)
    # 0 is compared only where it was asked for.
    asked = [o for o in applicable if tcp[o] != SYSTEM or o in said.get("tcp", {})]
    return ResolvedService(name, libraries, tcp, asked, **_given(said))


def _refuse_slice(name: str, backend: str, own: t.Sequence[Mention], report: ReportMistake) -> None:
    """Say why a slice cannot have what was said of it."""
    place = own[-1].place if own else name
    if name == "-.slice":
        report(place, "name: the topmost slice is the whole host; name system.slice, or another one below it")
    else:
        report(place, f"backend: {backend}: a slice has no process to load a library; say 'backend: bpf'")


def _check_applicable(
    entry: Mention,
    libraries: t.List[str],
    is_socket: bool,
    applicable: t.List[str],
    report: ReportMistake,
    libraries_known: bool,
    backend: str,
) -> None:
    """Refuse what the unit's own entry asks for and is not possible; leave out what it inherits and does not apply."""
    by_program = backend == "bpf"
    if entry.values.get("enforce") and not by_program:
        report(entry.place, f"enforce: takes 'backend: bpf', and this unit has {backend}; add that, or leave it out")
    if entry.values.get("debug") and by_program:
        report(entry.place, "debug: with 'backend: bpf' no library is in the process that could say it; leave it out")
    if is_socket:
        for key in ("libraries",) if by_program else ("libraries", "respect", "debug"):
            if entry.values.get(key):
                who = "the program acts as the library listen does" if by_program else "systemd sets the options itself"
                report(
                    entry.place,
                    f"{key}: a .socket unit loads no library, {who}; leave it out, or name the .service unit",
                )
        if entry.values.get("restart") == "reload_then_verify" and entry.place != "keepalive_services_restart":
            report(entry.place, "restart: a .socket unit cannot be reloaded; leave it out, it is restarted if it runs")
    for option, value in entry.values.get("tcp", {}).items():
        if option in applicable or value == SYSTEM:
            continue
        if not libraries_known and not is_socket:
            continue  # which libraries were meant is not known; that mistake is reported
        if by_program and option == "defer_accept":
            why = "with 'backend: bpf' nothing sets it; take 'backend: preload' with the library listen, or " + (
                "leave the backend out: systemd sets it" if is_socket else "name the .socket unit"
            )
        elif is_socket and not by_program:
            why = f"systemd.socket(5) has no directive for it; it has {', '.join(SYSTEMD_OPTIONS)}"
        else:
            needs = " or ".join(OPTIONS[option].libraries)
            has = f"libraries [{', '.join(libraries)}]" if libraries else "a .socket unit, which connects nowhere"
            why = f"has no effect with {has}; it needs {needs}"
        report(entry.place, f"tcp.{option}: {why}")


def _check_user_timeout(mentions: t.Sequence[Mention], tcp: t.Mapping[str, int], report: ReportMistake) -> None:
    """Refuse a user timeout below the first probe where it was said, which may be in the defaults or a profile."""
    problem = problem_with_user_timeout(tcp)
    said = [entry.place for entry in mentions if "user_timeout" in entry.values.get("tcp", {})]
    if problem and said:
        report(said[-1], problem)


def _applies(option: str, libraries: t.List[str], is_socket: bool, backend: str) -> bool:
    if backend == "bpf":
        acting = libraries or ["listen"]
        return option != "defer_accept" and any(library in OPTIONS[option].libraries for library in acting)
    if is_socket:
        return option in SYSTEMD_OPTIONS
    return any(library in OPTIONS[option].libraries for library in libraries)
