# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests here have in common: how often each is tried, and inputs that are nearly right.

C(make test) tries the same few inputs in each run. C(make fuzz) sets FUZZ_SECONDS; then each test gets its share of
them, with other inputs every time, and what fails is tried first the next time (.hypothesis).
"""

from __future__ import annotations

import copy
import json
import os
import typing as t
import unicodedata

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))

Test = t.TypeVar("Test", bound=t.Callable[..., None])


def fuzz(*strategies: st.SearchStrategy[t.Any], examples: int = 50) -> t.Callable[[Test], Test]:
    """Try a test with many inputs."""

    def decorate(test: Test) -> Test:
        # tmp_path is the same for all inputs of a test: each writes its file again.
        health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
        how = settings(deadline=None, suppress_health_check=health, max_examples=100 if SECONDS else examples)
        if not SECONDS:
            how = settings(how, derandomize=True, database=None)
        return t.cast(Test, how(given(*strategies)(test)))

    return decorate


ODD = st.sampled_from(
    [
        "", " ", "\t", "\n", "\n\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\0", "\x1b[2J", "\udcff", "\ud800",
        "²", "１２", "1_0", "-1", "0", "00", "+1", "0x1F", "1e999", "NaN", "Infinity", "9" * 30, "9" * 5000, ".", "..",
        "/", "../../etc/passwd", "x" * 300, "=", "==", ":", "#", ";", "[", "]", "[]", "\\", '"', "'", "%", "*", "@",
        "--help", "a.service", "@.service", "(deleted)", "{{ 1 }}", "ä",
    ]
)  # fmt: skip
"""Each has broken some parser, here or elsewhere."""


def texts(*words: str, longest: int = 20) -> st.SearchStrategy[str]:
    """Texts of a format's own words, odd ones, and anything."""
    piece = (
        st.one_of(st.sampled_from(words), ODD, st.text(max_size=5)) if words else st.one_of(ODD, st.text(max_size=5))
    )
    return st.lists(piece, max_size=longest).map("".join)


def lines(*words: str) -> st.SearchStrategy[str]:
    """Such texts in lines."""
    return st.lists(texts(*words, longest=8), max_size=12).map("\n".join)


def bytes_of(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Such a text as it would stand in a file, whatever is in it; or any bytes."""
    return st.one_of(strategy.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=200))


def is_harmless(text: str) -> bool:
    """Tell whether a terminal shows a text as it is: nothing in it moves, clears, hides or turns anything."""
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for character in text)


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), ODD, st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(ODD, st.text(max_size=3)), inner)),
    max_leaves=5,
)
"""Whatever JSON can hold, and NaN, which Python writes as well."""


@st.composite
def changed(draw: t.Callable[[t.Any], t.Any], right: t.Any) -> t.Any:
    """A document that is right but for a place or two, where something else stands, is missing, or was added."""
    document = copy.deepcopy(right)
    for _change in range(draw(st.integers(0, 2))):
        place, key = draw(st.sampled_from(_places(document))) if isinstance(document, (dict, list)) else (None, None)
        if place is None:
            return draw(values)
        how = draw(st.sampled_from(("replace", "remove", "add")))
        if how == "replace":
            place[key] = draw(values)
        elif how == "remove":
            del place[key]
        elif isinstance(place, dict):
            place[draw(ODD)] = draw(values)
        else:
            place.append(draw(values))
        if not _places(document):
            break
    return document


def documents(right: t.Any) -> st.SearchStrategy[bytes]:
    """The text of such a document; cut off, or not JSON at all, now and then."""
    whole = st.one_of(changed(right), values).map(lambda value: json.dumps(value).encode("ascii"))
    cut = st.tuples(whole, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
    return st.one_of(whole, whole, whole, cut, bytes_of(texts("[", "{", '"a":', "}", "]", ",")))


def _places(document: t.Any) -> t.List[t.Tuple[t.Any, t.Any]]:
    """Every (container, key) in it."""
    found: t.List[t.Tuple[t.Any, t.Any]] = []
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        found.append((document, key))
        found += _places(document[key])
    return found
