# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of the host-wide mode say of every process and of programs, with every mistake in them."""

from __future__ import annotations

import re
import typing as t

from ..settings.checks import Mistakes, Spelling, check_tcp, problem_with_jitter
from ..settings.jitter import earlier, without_effect
from ..settings.options import LIBRARIES, OPTIONS, SWITCHES, SYSTEM, as_integer, problem_with_user_timeout
from ..settings.profile_choice import profile_named, why_unknown
from ..settings.service import Mention, ResolvedService
from .settings_file import DISABLE

_SAYS_NOTHING = ("path", "why", "short_user_timeout", "jitter")
OF_EVERY_PROCESS = ("tcp", "respect", "short_user_timeout", "jitter", "profile")
"""Keys."""
_OF_A_PROGRAM = ("path", "why", "debug", "disable", *OF_EVERY_PROCESS)
_LONGEST = 900
"""Bytes of a pattern; the libraries take lines of less than 1024."""

Section = t.Dict[str, t.Any]


def section_of(heading: str, comment: str, variables: t.Mapping[str, str], also: str = "") -> Section:
    """Return a section as the module that writes the file takes it.

    :param also: the comment of settings/entry_comment.py.
    """
    return {"heading": heading, "comment": comment, "also": also, "variables": dict(variables)}


def as_digit(value: bool) -> str:
    """Return a switch as the libraries read it."""
    return "1" if value else "0"


class HostWideChecker(Mistakes):
    """Checks dictionaries and remembers every mistake.

    In them the operator's profiles, or those that are built in, stand below what they say themselves.
    """

    def __init__(
        self, spelling: Spelling, libraries: t.Any, host: t.Optional[str], profiles: t.Mapping[str, Mention]
    ) -> None:
        super().__init__()
        self._spelling = spelling
        self._host = host
        self._profiles = profiles
        self.jitter = 0
        """Of every process; that of programs that say none of their own."""
        self.libraries = self._libraries(libraries)

    def _libraries(self, libraries: t.Any) -> t.List[str]:
        known = ", ".join(LIBRARIES)
        if isinstance(libraries, (str, t.Mapping)) or not isinstance(libraries, t.Sequence) or not libraries:
            self.report("keepalive_host_libraries", f"{libraries!r} is not a list of {known}")
            return list(LIBRARIES)
        for item in libraries:
            if item not in tuple(LIBRARIES):  # anything can stand in a list, also what no dictionary can be asked for
                self.report("keepalive_host_libraries", f"{item!r} is not one of {known}")
        return [name for name in LIBRARIES if name in libraries] or list(LIBRARIES)

    def loaded(self, service: ResolvedService) -> None:
        """Refuse libraries of a unit that are not among those that every process loads."""
        for name in service.libraries:
            if name not in self.libraries:
                self.report(
                    f"'{service.name}'",
                    f"libraries: {name} is not loaded in the host-wide mode; add it to keepalive_host_libraries "
                    f"[{', '.join(self.libraries)}]",
                )

    def programs(
        self, list_name: str, entries: t.Any, everywhere: t.Mapping[str, int], disabled: bool
    ) -> t.List[Section]:
        """Check one list of programs; return its sections."""
        if entries is None:
            return []
        if isinstance(entries, (str, t.Mapping)) or not isinstance(entries, t.Sequence):
            self.report(list_name, f"{entries!r} is not a list of dictionaries with a 'path'")
            return []
        keys = ("path", "why") if disabled else _OF_A_PROGRAM
        seen: t.Dict[str, str] = {}
        sections = []
        for index, entry in enumerate(entries):
            place = f"{list_name}[{index}]"
            if not isinstance(entry, t.Mapping):
                self.report(place, f"{entry!r} is not a dictionary with a 'path'")
                continue
            path = entry.get("path")
            problem = _problem_with_pattern(path)
            if problem:
                self.report(place, f"path: {problem}")
                continue
            place = f"{place} '{path}'"
            path = str(path)
            if path in seen:
                self.report(place, f"this path stands already at {seen[path]}")
                continue
            seen[path] = place
            said = self.checked(place, entry, keys)
            self.long_enough(place, said, {**everywhere, **said.get("tcp", {})})
            if "keepidle" in said.get("tcp", {}):
                said["tcp"] = self.spread_out(place, path, said, said["tcp"], bool(entry.get("jitter")))
            elif entry.get("jitter") and "jitter" in said:
                self.report(place, "jitter: has no effect without a keepidle of its own; say one, or leave it out")
            if disabled:
                said["disable"] = True
            sections.append(self._program_section(place, path, said, any(k not in _SAYS_NOTHING for k in entry)))
        return sections

    def _program_section(self, place: str, path: str, said: t.Mapping[str, t.Any], more: bool) -> Section:
        if said.get("disable") and said.get("tcp"):
            self.report(place, "tcp: has no effect together with 'disable: true'; keep one of the two")
        if not more and not said.get("disable"):
            self.report(place, "says nothing: give it tcp, respect or disable")
        variables = {OPTIONS[name].variable: str(value) for name, value in said.get("tcp", {}).items()}
        variables.update({SWITCHES[key]: as_digit(said[key]) for key in SWITCHES if key in said})
        if "disable" in said:
            variables[DISABLE] = as_digit(said["disable"])
        profile = f", profile {said['profile']}" if "profile" in said else ""
        return section_of(f"[program {path}]", f"{said.get('why') or path}{profile}", variables)

    def checked(self, place: str, raw: t.Any, keys: t.Tuple[str, ...]) -> t.Dict[str, t.Any]:
        """Check one dictionary of settings; what is wrong is reported and left out."""
        if not isinstance(raw, t.Mapping):
            self.report(place, f"{raw!r} is not a dictionary such as {{tcp: {{keepidle: 60}}}}")
            return {}
        profile = self._profile(place, raw["profile"], keys) if "profile" in raw and "profile" in keys else {}
        checked: t.Dict[str, t.Any] = {}
        for key, value in raw.items():
            if key not in keys:
                self.report(place, f"{key}: unknown key; known: {', '.join(sorted(keys))}")
            elif key == "tcp":
                checked["tcp"] = check_tcp(place, value, self._spelling, self.report)
                self._applicable(place, checked["tcp"])
            elif key == "why" and (not isinstance(value, str) or not value.isprintable()):
                self.report(place, f"why: {value!r} is not one line of text")
            elif key == "jitter":
                written = self._spelling(value)
                problem = problem_with_jitter(value if written is None else written)
                if problem:
                    self.report(place, f"jitter: {problem}")
                else:
                    checked[key] = as_integer(value)
            elif key in ("respect", "debug", "disable", "short_user_timeout") and not isinstance(value, bool):
                self.report(place, f"{key}: {value!r} is not true or false")
            elif key != "profile":
                checked[key] = value
        if "tcp" in profile:
            checked["tcp"] = {**profile["tcp"], **checked.get("tcp", {})}
        return {**profile, **checked}

    def _profile(self, place: str, name: t.Any, keys: t.Tuple[str, ...]) -> t.Dict[str, t.Any]:
        """Return what a profile says of what may be said here; what of it has no effect here is left out."""
        if not isinstance(name, str) or not name:
            self.report(place, f"profile: {name!r} is not a name")
            return {}
        found = profile_named(name, self._profiles)
        if found is None:
            self.report(place, f"profile: {why_unknown(name, self._profiles)}")
            return {}
        said = {key: value for key, value in found.values.items() if key in keys}
        said["tcp"] = {option: value for option, value in said.get("tcp", {}).items() if self._sets(option)}
        return {**said, "profile": name}

    def long_enough(self, place: str, said: t.Mapping[str, t.Any], tcp: t.Mapping[str, int]) -> None:
        """Refuse a user timeout below the first probe, unless it is said twice.

        :param tcp: All values in force there.
        """
        problem = problem_with_user_timeout(tcp)
        if problem and {"user_timeout", "keepidle"} & set(said.get("tcp", {})) and not said.get("short_user_timeout"):
            self.report(place, problem)

    def spread_out(
        self, place: str, path: str, said: t.Mapping[str, t.Any], tcp: t.Mapping[str, int], own: bool
    ) -> t.Dict[str, int]:
        """Return the values with the keepidle that they have on this host.

        :param path: Of the program; empty for every process.
        :param own: Whether a jitter stands there itself, and is not inherited: then it must not be in vain.
        """
        percent, keepidle = said.get("jitter", self.jitter), tcp["keepidle"]
        problem = without_effect(keepidle, percent)
        if problem and own and "jitter" in said:
            self.report(place, problem)
        if problem or self._host is None:
            return dict(tcp)
        return {**tcp, "keepidle": earlier(keepidle, percent, self._host, path)}

    def _applicable(self, place: str, tcp: t.Mapping[str, int]) -> None:
        for option, value in tcp.items():
            if value != SYSTEM and not self._sets(option):
                self.report(
                    place,
                    f"tcp.{option}: has no effect with keepalive_host_libraries [{', '.join(self.libraries)}]; "
                    f"it needs {' or '.join(OPTIONS[option].libraries)}",
                )

    def _sets(self, option: str) -> bool:
        """Tell whether one of the libraries that every process loads sets an option."""
        return bool(set(OPTIONS[option].libraries) & set(self.libraries))


def _problem_with_pattern(path: t.Any) -> t.Optional[str]:
    """Say what is wrong with the name of a [program] section: the libraries would skip it, or read another one."""
    if not isinstance(path, str) or not re.match(r"[/*]", path):
        return f"{path!r} is not an absolute path or a pattern such as /usr/sbin/sshd or */sshd"
    if not path.isprintable() or path != path.strip() or len(path.encode()) > _LONGEST:
        return f"{path!r} has blanks at an end, characters that cannot be printed, or more than {_LONGEST} bytes"
    if " #" in path or "[:" in path or "[^" in path:
        return f"{path!r} has ' #', '[:' or '[^' in it, which patterns do not know; use ? or [!…]"
    return None
