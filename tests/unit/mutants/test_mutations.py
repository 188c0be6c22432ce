# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is changed for mutants: code alone, one thing each time, so that it still compiles."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.mutants.mutations import Mutant, identify, mutants_of

PLUGINS = pathlib.Path(__file__).parents[3] / "plugins"

SOURCE = '''"""Ä docs."""
DOCUMENTATION = r"""
options: 5
"""
LIMIT = 5
"""Of what."""
Names = t.Dict[str, "Name"]


def look(name: str = "ä", *, deep: bool = False) -> t.Optional[int]:
    """Docs: 7."""
    if name in ("a", f"{name}b") and not deep:
        raise ValueError("no")
    try:
        found = [len(each) for each in name.split(sep="x") if each]
    except (OSError, ValueError):
        return None
    return found[0] + 1 if found else t.cast("int", 0)
'''


def changed() -> t.List[t.Tuple[str, str, str]]:
    return [(mutant.kind, SOURCE[mutant.start : mutant.end], mutant.new) for mutant in mutants_of("x.py", SOURCE)]


@pytest.mark.parametrize(
    "change",
    [
        ("constant", "5", "6"),
        ("constant", "5", "(4)"),
        ("default", '"ä"', "''"),
        ("default", "False", "True"),
        ("comparison", 'name in ("a", f"{name}b")', "(name not in ('a', f'{name}b'))"),
        ("and, or", 'name in ("a", f"{name}b") and not deep', "(name in ('a', f'{name}b') or not deep)"),
        ("operand", 'name in ("a", f"{name}b") and not deep', "(not deep)"),
        ("condition", "not deep", "bool(deep)"),
        ("condition", "each", "True"),
        ("condition", "found", "(not (found))"),
        ("string", 'f"{name}b"', '""'),
        ("raise", 'raise ValueError("no")', "pass"),
        ("except", "(OSError, ValueError)", "(ValueError,)"),
        ("call", "len(each)", "(each)"),
        ("argument", 'name.split(sep="x")', "name.split()"),
        ("return", 'return found[0] + 1 if found else t.cast("int", 0)', "return None"),
        ("arithmetic", "found[0] + 1", "(found[0] - 1)"),
        ("constant", "0", "1"),
    ],
    ids=str,
)
def test_what_is_changed(change: t.Tuple[str, str, str]) -> None:
    assert change in changed()


def test_neither_documentation_nor_types_are() -> None:
    for _kind, old, _new in changed():
        assert not any(text in old for text in ("docs", "Docs", "options", "Of what", "t.Dict", "Optional"))
        assert old != '"int"'


def test_a_file_still_compiles_and_is_another_one() -> None:
    for path in ("module_utils/linux/elf.py", "modules/ld_so_preload.py", "filter/resolve_services.py"):
        source = (PLUGINS / path).read_text(encoding="utf-8")
        mutants = mutants_of(path, source)
        assert len(mutants) > 20
        for mutant in mutants[::7]:
            compile(mutant.apply(source), path, "exec")
            assert mutant.apply(source) != source


def test_the_lines_are_those_that_have_to_be_run() -> None:
    by_kind: t.Dict[str, t.List[Mutant]] = {}
    for mutant in mutants_of("x.py", SOURCE):
        by_kind.setdefault(mutant.kind, []).append(mutant)
    (raised,) = by_kind["raise"]
    assert (raised.lines, raised.scope) == (frozenset({13}), "look")
    assert by_kind["constant"][0].lines == frozenset(range(1, 19)), "whatever uses the module"
    assert min(by_kind["default"][0].lines) == 11, "whatever calls the function"


def test_a_name_stays_when_a_line_moves() -> None:
    def names(source: str) -> t.Set[str]:
        return {identify(mutant, source[mutant.start : mutant.end], 0) for mutant in mutants_of("x.py", source)}

    assert names(SOURCE) == names(SOURCE.replace("LIMIT", "\n\nLIMIT"))
    assert len(names(SOURCE)) > 25
