# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything in which a document is not as its schema says, each with its place, its value and what would be right.

As much of JSON Schema as docs/report.schema.json uses: who reads reports later has nothing but ansible-core.
"""

from __future__ import annotations

import re
import typing as t

from ..linux.printable import printable

Schema = t.Mapping[str, t.Any]

_TYPES: t.Mapping[str, t.Tuple[t.Callable[[t.Any], bool], str]] = {
    "object": (lambda value: isinstance(value, dict), "an object"),
    "array": (lambda value: isinstance(value, list), "a list"),
    "string": (lambda value: isinstance(value, str), "a text"),
    "integer": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "null": (lambda value: value is None, "null"),
}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def departures(value: t.Any, schema: Schema) -> t.List[str]:
    """Return all of them; none where the value is as it should be."""
    return list(_departures("", value, schema, schema))


def _departures(place: str, value: t.Any, schema: Schema, whole: Schema) -> t.Iterator[str]:
    schema = _resolved(schema, whole)
    if "anyOf" in schema:
        yield from _of_any(place, value, [_resolved(one, whole) for one in schema["anyOf"]], whole)
        return
    wrong = _wrong(value, schema)
    if wrong:
        yield f"{place or 'the document'}: {_in_short(value)}: expected {wrong}"
    elif isinstance(value, dict):
        yield from _of_object(place, value, schema, whole)
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _departures(f"{place}[{index}]", item, schema["items"], whole)


def _of_any(place: str, value: t.Any, schemas: t.Sequence[Schema], whole: Schema) -> t.Iterator[str]:
    """Where a value is of the kind that one of them takes, that one says what is wrong with it."""
    meant = [schema for schema in schemas if not _wrong(value, schema)]
    if not meant:
        expected = " or ".join(_wrong(value, schema) for schema in schemas)
        yield f"{place}: {_in_short(value)}: expected {expected}"
    elif all(any(_departures(place, value, schema, whole)) for schema in meant):
        yield from _departures(place, value, meant[0], whole)


def _of_object(place: str, value: t.Mapping[str, t.Any], schema: Schema, whole: Schema) -> t.Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{_below(place, key)}: is missing"
    for key, part in value.items():
        if key in properties:
            yield from _departures(_below(place, key), part, properties[key], whole)
        elif others is False:
            yield f"{_below(place, key)}: is not one of {', '.join(properties)}"
        elif others is not True:
            yield from _departures(_below(place, key), part, others, whole)


def _wrong(value: t.Any, schema: Schema) -> str:
    """Say what would be right instead of a value; '' where it is right by itself, whatever is in it."""
    if "const" in schema or "enum" in schema:
        allowed = [schema["const"]] if "const" in schema else schema["enum"]
        fits = any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in allowed)
        return "" if fits else f"{'' if len(allowed) == 1 else 'one of '}{', '.join(map(str, allowed))}"
    names = schema.get("type", ())
    names = [names] if isinstance(names, str) else names
    if names and not any(_TYPES[name][0](value) for name in names):
        return " or ".join(_TYPES[name][1] for name in names)
    if "minimum" in schema and value < schema["minimum"]:
        return f"{schema['minimum']} or more"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return f"a text like {schema['pattern']}"
    return ""


def _resolved(schema: Schema, whole: Schema) -> Schema:
    while "$ref" in schema:
        found: t.Any = whole
        for part in schema["$ref"].split("/")[1:]:
            found = found[part]
        schema = found
    return schema


def _below(place: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{place}['{printable(key, 80)}']"
    return f"{place}.{key}" if place else key


def _in_short(value: t.Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else printable(repr(value), 60)
