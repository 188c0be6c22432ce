# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of Grafana's dashboard schema as our dashboard uses, in our own words: what may be where, and what must.

By the schema that Grafana Labs publishes with its Foundation SDK (jsonschema/ of grafana-foundation-sdk, for Grafana 10
and later). What is not named is refused, so that a key that Grafana would pass over is a failure here.
"""

from __future__ import annotations

import typing as t

import jsonschema

Rule = t.Dict[str, t.Any]

TEXT, FLAG, WHOLE, NUMBER, ANY = ({"type": kind} for kind in ("string", "boolean", "integer", "number", "object"))


def _of(must: t.Mapping[str, Rule], may: t.Optional[t.Mapping[str, Rule]] = None) -> Rule:
    return {
        "type": "object",
        "properties": {**must, **(may or {})},
        "required": list(must),
        "additionalProperties": False,
    }


def _one_of(*words: t.Any) -> Rule:
    return {"enum": list(words)}


def _each(rule: Rule, least: int = 0) -> Rule:
    return {"type": "array", "items": rule, "minItems": least}


_SOURCE = _of({"type": {"const": "prometheus"}, "uid": TEXT})
_PLACE = _of({
    "x": {**WHOLE, "minimum": 0, "maximum": 23}, "y": {**WHOLE, "minimum": 0},
    "w": {**WHOLE, "minimum": 1, "maximum": 24}, "h": {**WHOLE, "minimum": 1},
})  # fmt: skip
_TARGET = _of(
    {"refId": TEXT, "expr": TEXT, "datasource": _SOURCE},
    {"instant": FLAG, "range": FLAG, "legendFormat": TEXT, "format": _one_of("time_series", "table", "heatmap")},
)
_STEPS = _each(_of({"color": TEXT, "value": {"type": ["number", "null"]}}), 1)
_MAPPINGS = _each(
    _of({
        "type": {"const": "value"},
        "options": {
            "type": "object", "additionalProperties": _of({"text": TEXT}, {"color": TEXT, "index": WHOLE}),
        },
    })
)  # fmt: skip
_COLOR = _of({"mode": _one_of("fixed", "shades", "thresholds", "palette-classic")}, {"fixedColor": TEXT})
_VALUES: t.Mapping[str, Rule] = {
    "displayName": TEXT,
    "mappings": _MAPPINGS,
    "color": _COLOR,
    "unit": TEXT,
    "custom.cellOptions": _of({"type": _one_of("auto", "color-background", "color-text")}),
}
"""What an override sets, by its identity."""
_OVERRIDE = _of({
    "matcher": _of({"id": _one_of("byName", "byRegexp", "byType"), "options": TEXT}),
    "properties": _each({"oneOf": [_of({"id": {"const": name}, "value": rule}) for name, rule in _VALUES.items()]}, 1),
})  # fmt: skip


def _fields(custom: Rule) -> Rule:
    defaults = {
        "unit": TEXT, "decimals": NUMBER, "min": NUMBER, "max": NUMBER, "noValue": TEXT, "mappings": _MAPPINGS,
        "color": _COLOR, "custom": custom,
        "thresholds": _of({"mode": _one_of("absolute", "percentage"), "steps": _STEPS}),
    }  # fmt: skip
    return _of({"defaults": _of({}, defaults), "overrides": _each(_OVERRIDE)})


_STAT = _of(
    {
        "reduceOptions": _of({"calcs": _each(TEXT, 1)}, {"fields": TEXT, "values": FLAG}),
        "colorMode": _one_of("none", "value", "background", "background_solid"),
        "graphMode": _one_of("none", "line", "area"),
        "textMode": _one_of("auto", "value", "value_and_name", "name", "none"),
        "justifyMode": _one_of("auto", "center"),
        "orientation": _one_of("auto", "horizontal", "vertical"),
        "percentChangeColorMode": _one_of("standard", "inverted", "same_as_value"),
        "showPercentChange": FLAG,
        "wideLayout": FLAG,
    }
)
_TABLE = _of({"frameIndex": WHOLE, "showHeader": FLAG}, {"sortBy": _each(_of({"displayName": TEXT}, {"desc": FLAG}))})
_TABLE_FIELDS = _of({"align": _one_of("auto", "left", "right", "center"), "inspect": FLAG})
_LEGEND = _of({
    "displayMode": _one_of("list", "table", "hidden"), "placement": _one_of("bottom", "right"), "showLegend": FLAG,
    "calcs": _each(TEXT),
})  # fmt: skip
_LINES = _of(
    {"legend": _LEGEND, "tooltip": _of({"mode": _one_of("single", "multi", "none"), "sort": _one_of("asc", "desc")})}
)
_LINES_FIELDS = _of(
    {},
    {
        "drawStyle": _one_of("line", "bars", "points"),
        "fillOpacity": NUMBER,
        "stacking": _of({"mode": _one_of("none", "normal", "percent")}),
    },
)
_ORGANIZE = _of({
    "id": {"const": "organize"},
    "options": _of(
        {
            "excludeByName": {"type": "object", "additionalProperties": FLAG},
            "indexByName": {"type": "object", "additionalProperties": WHOLE},
            "renameByName": {"type": "object", "additionalProperties": TEXT},
        }
    ),
})  # fmt: skip


def _panel(kind: str, options: Rule, custom: Rule) -> Rule:
    must = {
        "id": WHOLE, "type": {"const": kind}, "title": TEXT, "description": TEXT, "datasource": _SOURCE,
        "gridPos": _PLACE, "targets": _each(_TARGET, 1), "fieldConfig": _fields(custom), "options": options,
    }  # fmt: skip
    return _of(must, {"transformations": _each(_ORGANIZE)})


_CHOSEN = {"oneOf": [TEXT, _each(TEXT)]}
_VARIABLE = _of(
    {"name": TEXT, "type": _one_of("query", "datasource"), "query": TEXT},
    {
        "label": TEXT, "datasource": _SOURCE, "definition": TEXT, "refresh": _one_of(0, 1, 2), "multi": FLAG,
        "includeAll": FLAG, "allValue": TEXT, "sort": _one_of(*range(9)), "hide": _one_of(0, 1, 2, 3),
        "current": _of({"text": _CHOSEN, "value": _CHOSEN}, {"selected": FLAG}),
    },
)  # fmt: skip

DASHBOARD_RULE = _of(
    {
        "id": {"type": "null"},
        "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{8,40}$"},
        "title": TEXT,
        "description": TEXT,
        "tags": _each(TEXT),
        "schemaVersion": WHOLE,
        "version": WHOLE,
        "editable": FLAG,
        "graphTooltip": _one_of(0, 1, 2),
        "refresh": {"type": "string", "pattern": "^[0-9]+[smhd]$"},
        "timezone": _one_of("", "browser", "utc"),
        "time": _of({"from": TEXT, "to": TEXT}),
        "annotations": _of({"list": _each(ANY)}),
        "templating": _of({"list": _each(_VARIABLE)}),
        "panels": _each(
            {
                "oneOf": [
                    _panel("stat", _STAT, _of({})),
                    _panel("table", _TABLE, _TABLE_FIELDS),
                    _panel("timeseries", _LINES, _LINES_FIELDS),
                ]
            },
            1,
        ),
    },
    {"links": _each(ANY)},
)
"""No identity of one Grafana, and what else a dashboard to import has."""


def departures_of(dashboard: t.Any) -> t.List[str]:
    """Say where a dashboard is not as Grafana wants it, as deep as it can be said."""
    errors = jsonschema.Draft202012Validator(DASHBOARD_RULE).iter_errors(dashboard)
    return sorted(f"{'.'.join(map(str, one.absolute_path))}: {one.message}" for one in map(_deepest, errors))


def _deepest(error: jsonschema.ValidationError) -> jsonschema.ValidationError:
    """Return what is wrong with the alternative that fits by its type, or its identity."""
    fitting = [one for one in error.context or () if not _is_of_another(one, error.context)]
    return _deepest(fitting[0]) if fitting else error


def _is_of_another(error: jsonschema.ValidationError, context: t.Iterable[jsonschema.ValidationError]) -> bool:
    """Tell whether an alternative is for what has another type, so that what it says is of no interest."""
    return any(
        one.schema_path[0] == error.schema_path[0] and one.validator == "const" and len(one.relative_path) == 1
        for one in context
    )
