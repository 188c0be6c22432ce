# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator is told of a host before anything is written: what he should know, and what stands in the way."""

from __future__ import annotations

import typing as t

from ..libraries.packages import packages_for
from ..linux.printable import printable
from ..settings.variables import problem_with_compiler
from .decision import Aim, Told, left_to_the_operator, trouble_with


class Compiler(t.NamedTuple):
    """How the libraries would be had."""

    elsewhere: bool = False
    """They are brought, or another host compiles."""
    packages: t.Optional[t.Sequence[str]] = None
    """C(keepalive_build_packages): None where it is not set."""
    command: str = "cc"
    """C(keepalive_build_cc)."""
    by_python: bool = False
    """Nothing can be compiled, and no entry needs a library: Python attaches the programs."""


def what_to_know(aim: Aim, found: Told, compiler: Compiler, sockets: t.Optional[Told] = None) -> t.List[str]:
    """Return what does not keep anybody from going on."""
    said = []
    stood_in = found.get("stood_in", {})
    absent = [name for name in found["absent_here"] if name not in stood_in]
    if absent:
        said.append(f"{', '.join(absent)}: left out, because this host has no such unit (if_present)")
    for name, units in stood_in.items():
        has = f"{units[0]} has" if len(units) == 1 else f"{' and '.join(units)} have"
        said.append(f"{name}: left out, because it has no process here; {has} an entry (if_present)")
    said += [warning for service in aim.services for warning in service.get("warnings", ())]
    listed = [unit["name"] for unit in [*aim.services, *aim.absent]]
    unlisted = [name for name in found["dropins"] if name not in listed]
    if unlisted:
        what = (
            "it is taken away, for in the host-wide mode no service has one"
            if aim.use
            else "it is taken away, because of keepalive_services_purge"
            if aim.purge
            else "list it with 'state: absent' to take it away, or set keepalive_services_purge to take all of these "
            "away"
        )
        said.append(
            f"{', '.join(unlisted)}: no entry on this host any more, and still with a drop-in from an earlier run; "
            + what
        )
    missing = _missing(found, compiler)
    if compiler.by_python:
        said.append(
            f"{why_not_compiled(found, compiler)}; all entries have 'backend: bpf', so keepalive-bpf is a Python "
            "program here, with which each start of a unit takes 0.1 to 0.3 s longer"
        )
    elif missing and not _no_compiler(found, compiler):
        packages = compiler.packages if compiler.packages is not None else ["the packages of its distribution"]
        said.append(
            f"{missing}: not there; to compile the libraries a compiler is going to be installed "
            f"({', '.join(packages)})"
        )
    said += [f"{unit}: {', '.join(why)}" for unit, why in left_to_the_operator(aim, found).items()]
    wrong = trouble_with((sockets or {}).get("units", {}))
    if wrong and aim.verify and (aim.check_mode or not aim.must_be_right):
        said.append(f"live sockets are wrong now: {', '.join(wrong)}")
    return said


def nothing_listed(aim: Aim, found: Told) -> t.List[str]:
    """Say that a run has nothing to do on a host because no unit is listed for it, which may be a mistake."""
    if aim.services or aim.absent or aim.purge or aim.use or found["absent_here"]:
        return []
    return ["no service is listed for it (keepalive_services, keepalive_services__*): there is nothing to do"]


def obstacles(found: Told, compiler: Compiler) -> t.List[str]:
    """Return what stands in the way on a host."""
    problems = list(found["problems"])
    build = found["build"]
    if compiler.by_python:
        return problems
    if not compiler.elsewhere and build.get("obstacle"):
        problems.append(build["obstacle"])
    why = _no_compiler(found, compiler)
    if why:
        problems.append(
            f"{_missing(found, compiler)}: not there, the libraries cannot be compiled, and {why}; "
            "set keepalive_build_packages, or keepalive_build_prebuilt"
        )
    elif _missing(found, compiler):
        unbrought = problem_with_compiler(compiler.command, compiler.packages is not None)
        problems += [unbrought] if unbrought else []
    return problems


def in_the_way_of_writing(found: Told, due: bool, libraries: bool) -> t.List[str]:
    """Return why a host cannot be written to, as far as something is to be written there.

    :param due: whether anything is due on it, or nobody knows.
    :param libraries: whether its libraries are.
    """
    unwritable = found["unwritable"]
    of_libraries = unwritable.get("libraries", []) if libraries else []
    return [*(unwritable.get("changes", []) if due else []), *of_libraries]


def why_not_compiled(found: Told, compiler: Compiler) -> str:
    """Say why nothing can be compiled on a host, nor brought; '' where it can."""
    why = "" if compiler.elsewhere else found["build"].get("obstacle", "")
    no_compiler = _no_compiler(found, compiler)
    return why or (no_compiler and f"{_missing(found, compiler)}: not there, and {no_compiler}")


def _missing(found: Told, compiler: Compiler) -> str:
    """Name the programs that are missing to compile; '' for none, and where nothing is compiled."""
    return "" if compiler.elsewhere else " and ".join(found["build"].get("missing", ()))


def _no_compiler(found: Told, compiler: Compiler) -> str:
    """Say why no compiler can be installed; '' where one can, or need not be."""
    if not _missing(found, compiler) or compiler.packages:
        return ""
    if compiler.packages is not None:
        return "keepalive_build_packages is empty, so none is installed"
    families = found["build"]["families"]
    if packages_for(families):
        return ""
    return f"its packages on this distribution ({' '.join(families)}) are not known"


def told_once(remarks: t.Mapping[str, t.Iterable[str]], most_hosts: int = 3) -> t.List[str]:
    """Return what is said of any number of hosts, each text once with the hosts that it is said of.

    :param remarks: By host.
    """
    hosts_by: t.Dict[str, t.List[str]] = {}
    for host, said in remarks.items():
        for text in dict.fromkeys(said):
            hosts_by.setdefault(text, []).append(host)
    lines = []
    for text, hosts in hosts_by.items():
        more = f" and {len(hosts) - most_hosts} more" if len(hosts) > most_hosts else ""
        lines.append(printable(f"{', '.join(hosts[:most_hosts])}{more}: {text}"))
    return lines
