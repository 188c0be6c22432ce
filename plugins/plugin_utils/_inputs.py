# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is wrong with what an operator has said for one host, before any host is asked.

All mistakes at once, each in one line: the variable, where in it, the value, what would be right.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError

from ..module_utils.host_wide.variables import resolve_host_settings
from ..module_utils.settings.checks import ResolveError, Spelling
from ..module_utils.settings.names import mentioned_in, unread, wrong_tags
from ..module_utils.settings.services import resolution
from ..module_utils.settings.variables import VARIABLES, is_layer, layers_of, wrong_values
from . import _spelling

Variables = t.Mapping[str, t.Any]
Template = t.Callable[[t.Any], t.Any]
"""Returns a value with its templates filled in; raises AnsibleError."""

_HOST_SETTINGS = ("defaults", "programs", "opt_outs", "libraries")
_PREFIXES = ("keepalive_", "audit_")


def mistakes(
    variables: Variables,
    run_tags: t.Iterable[str] = ("all",),
    skip_tags: t.Iterable[str] = (),
    *,
    own_tags: t.Iterable[str] = (),
    names: t.Iterable[str] | None = None,
    mentioned: t.Container[str] = (),
    of_plays: t.Container[str] | None = None,
    find: t.Callable[[str, str], str | None] | None = None,
    groups: t.Mapping[str, t.Sequence[str]] | None = None,
    spelling: Spelling = _spelling.spelling,
    settings: bool = True,
) -> list[str]:
    """Return every mistake; none where all is right.

    :param variables: Those of the host that begin with keepalive_ or audit_, with their templates filled in.
    :param run_tags: C(ansible_run_tags); give them only where the playbook is one of this collection.
    :param skip_tags: C(ansible_skip_tags).
    :param own_tags: The task's own tags: where somebody imports the playbook they may be his.
    :param names: All names of the host's variables, for those that are misspelt in their beginning.
    :param mentioned: Names that are read by templates of the operator's own, see mentioned_in().
    :param of_plays: The names that C(-e) or the play has set; None: not known, and not checked.
    :param find: Takes a kind of file (V(template), V(folder)) and its name, and returns what is wrong with it.
    :param groups: The inventory's groups, to look for the host that compiles.
    :param settings: Whether the lists of settings are checked as well; False for who calls resolution() himself.
    """
    found = wrong_tags(run_tags, skip_tags, own_tags)
    own = variables.get("keepalive_own_variables")
    own = own if isinstance(own, t.Sequence) and not isinstance(own, str) else ()
    found += unread(variables if names is None else names, own, mentioned).mistakes
    found += wrong_values(variables, spelling)
    wrong = {line.partition(":")[0] for line in found}
    for name, variable in VARIABLES.items():
        value = variables.get(name)
        if variable.of_play and name in variables and of_plays is not None and name not in of_plays:
            found.append(f"{name}: {value!r} stands where no play reads it; say it on the command line, -e {name}=...")
        problem = find(variable.file, str(value)) if find and variable.file and value and name not in wrong else None
        if problem:
            found.append(f"{name}: {value!r} {problem}")
    found += _place_to_build(variables, groups)
    if settings:
        found += _of_settings(variables, spelling)
    return list(dict.fromkeys(found))


def _place_to_build(variables: Variables, groups: t.Mapping[str, t.Sequence[str]] | None) -> list[str]:
    """Check who compiles; the same is checked by the role itself, where it is used without a playbook of ours."""
    delegate, prebuilt = variables.get("keepalive_build_delegate"), variables.get("keepalive_build_prebuilt")
    if not delegate or not isinstance(delegate, str):
        return []
    if prebuilt:
        return [
            f"keepalive_build_delegate: {delegate!r} and keepalive_build_prebuilt: {prebuilt!r} are both set: set one "
            "of them, and the other to '' where a group sets it"
        ]
    if groups is None or delegate == "localhost" or delegate in groups.get("all", ()):
        return []
    if delegate in groups:
        hosts = ", ".join(groups[delegate][:10])
        return [f"keepalive_build_delegate: {delegate!r} is a group; name one host of it: {hosts}"]
    return [f"keepalive_build_delegate: {delegate!r} is not in the inventory; expected one of its hosts, or localhost"]


def _of_settings(variables: Variables, spelling: Spelling) -> list[str]:
    host_wide = variables.get("keepalive_mode") == "host"
    base = {"respect": True, "restart": "never"} if host_wide else {}
    found = resolution(
        variables.get("keepalive_services"),
        variables.get("keepalive_services_defaults"),
        variables.get("keepalive_services_profiles"),
        layers_of(variables),
        spelling,
        base,
        variables.get("keepalive_services_restart") or None,
    )
    problems = found.problems
    if host_wide:
        given = {
            key: variables[f"keepalive_host_{key}"] for key in _HOST_SETTINGS if f"keepalive_host_{key}" in variables
        }
        given["profiles"] = variables.get("keepalive_services_profiles")
        try:
            resolve_host_settings(found.services, **given, spelling=spelling)
        except ResolveError as error:
            problems = problems + error.problems
    return problems


def ours(raw: Variables) -> dict[str, t.Any]:
    """Return those variables of a host that begin as ours do."""
    return {name: value for name, value in raw.items() if name.startswith(_PREFIXES)}


def templated(raw: Variables, template: Template) -> tuple[dict[str, t.Any], list[str]]:
    """Fill in the templates entry by entry; return what came out and what could not be filled in, with its place.

    :param raw: The variables of a host as they were written.
    """
    filled: dict[str, t.Any] = {}
    problems: list[str] = []
    for name, value in raw.items():
        if name not in VARIABLES and not is_layer(name):
            continue
        there, result = _filled(name, value, template, problems)
        if there:
            filled[name] = result
    return filled, problems


def _filled(place: str, value: t.Any, template: Template, problems: list[str]) -> tuple[bool, t.Any]:
    """Fill in one value, its parts one by one where it has any; what cannot be is left out."""
    if isinstance(value, t.Mapping):
        return True, _filled_parts(place, value, template, problems)
    if isinstance(value, t.Sequence) and not isinstance(value, (str, bytes)):
        parts = []
        for index, entry in enumerate(value):
            name = entry.get("name", entry.get("path")) if isinstance(entry, t.Mapping) else None
            label = f"{place}[{index}] '{name}'" if isinstance(name, str) else f"{place}[{index}]"
            there, part = _filled(label, entry, template, problems)
            if there:
                parts.append(part)
        return True, parts
    try:
        return True, template(value)
    except AnsibleError as error:
        problems.append(f"{place}: {_said(error)}; define it for this host, or correct {value!r}")
        return False, None


def _filled_parts(place: str, value: Variables, template: Template, problems: list[str]) -> dict[t.Any, t.Any]:
    parts = {}
    for key, part in value.items():
        joint = ": " if "." not in place.rpartition("'")[2] and not place.endswith("tcp") else "."
        there, result = _filled(f"{place}{joint}{key}", part, template, problems)
        if there:
            parts[key] = result
    return parts


def _said(error: AnsibleError) -> str:
    """Return what was wrong in one line, without where Ansible was when it saw it."""
    lines = str(getattr(error, "message", "") or error).strip().splitlines() or ["cannot be filled in"]
    cause = error.__cause__
    while cause is not None:
        lines = str(getattr(cause, "message", "") or cause).strip().splitlines() or lines
        cause = cause.__cause__
    return lines[0].rstrip(".")


def all_of_a_host(raw: Variables, template: Template, **others: t.Any) -> list[str]:
    """Return every mistake of one host from its variables as they were written; see mistakes() for the others."""
    own = ours(raw)
    filled, problems = templated(own, template)
    return problems + mistakes(filled, names=raw, mentioned=mentioned_in(own.values()), **others)
