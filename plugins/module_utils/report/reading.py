# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A document read from its text again; a mistake in it is an error with its place, never an empty report."""

from __future__ import annotations

import json
import math
import re
import typing as t

from ..linux.printable import printable, shown
from .document import NAME, VERSION
from .schema import Schema, departures
from .totals import totals_of

MOST_TOLD = 10
"""Mistakes; of what is no document at all every line would be one."""

_ESCAPED = re.compile(r"[^\n -~]|\\[bfnrtu]")
"""In the text of a document that can hold something to escape. What a run has written mostly holds none, and to look at
each of its texts takes as long as to read it."""


class NoDocument(ValueError):
    """What is wrong with a document, in lines."""


def read_document(text: str, schema: Schema) -> t.Dict[str, t.Any]:
    """Return the document, with what no terminal, browser or sheet should get escaped, whoever has written it.

    :raises NoDocument: The text is none, or it contradicts itself.
    """
    try:
        document = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise NoDocument(f"line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}") from error
    except RecursionError as error:
        raise NoDocument("this is no document of a run: it is nested too deeply") from error
    if not isinstance(document, dict) or document.get("report") != NAME:
        raise NoDocument(f'this is no document of a run: it does not begin with "report": "{NAME}"')
    if document.get("version") != VERSION:
        raise NoDocument(
            f"version: {printable(repr(document.get('version')), 60)}: this release reads {VERSION}; use the release "
            "that has written it, or a later one"
        )
    wrong = departures(document, schema) or _contradictions("totals", document["totals"], totals_of(document["hosts"]))
    if wrong:
        more = [f"and {len(wrong) - MOST_TOLD} more"] if len(wrong) > MOST_TOLD else []
        raise NoDocument("\n".join([*wrong[:MOST_TOLD], *more]))
    return t.cast("t.Dict[str, t.Any]", shown(document)) if _ESCAPED.search(text) else document


def _contradictions(place: str, said: t.Any, counted: t.Any) -> t.List[str]:
    """Return where the totals are not what the hosts come to."""
    if isinstance(said, dict) and isinstance(counted, dict):
        keys = dict.fromkeys([*counted, *said])
        return [
            line for key in keys for line in _contradictions(f"{place}.{key}", said.get(key, 0), counted.get(key, 0))
        ]
    return [] if said == counted else [f"{place}: {said!r}: the hosts come to {counted!r}"]


def _without_twins(pairs: t.Sequence[t.Tuple[str, t.Any]]) -> t.Dict[str, t.Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twin = next(name for name in names if names.count(name) > 1)
        raise NoDocument(f"'{printable(twin, 80)}' stands twice in one object; keep one of them")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return _no_number(printable(text, 80)) if math.isinf(number) else number


def _no_number(text: str) -> t.NoReturn:
    raise NoDocument(f"{text}: this is no number of JSON")
