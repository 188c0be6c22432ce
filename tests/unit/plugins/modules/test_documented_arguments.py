# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module takes the arguments that its documentation names, of those types, with those defaults and choices."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins import doc_fragments, modules
from ansible_collections.netops.keepalive.plugins.module_utils.rollout import undo

STATE_FOLDER = undo.FOLDER
"""As it is outside of tests."""
FOLDER = pathlib.Path(next(iter(modules.__path__)))
FRAGMENTS = next(iter(doc_fragments.__path__))
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if "def main" in path.read_text(encoding="utf-8"))
KEYS = ("type", "elements", "required", "default", "choices")

Spec = t.Dict[str, t.Any]


class Asked(Exception):
    """What a module has said of its arguments."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec


def specification(name: str, monkeypatch: pytest.MonkeyPatch) -> t.Tuple[Spec, Spec]:
    """Return what a module's code says of it, and what its documentation does."""
    module = importlib.import_module(f"ansible_collections.netops.keepalive.plugins.modules.{name}")

    def ask(**spec: t.Any) -> None:
        raise Asked(spec)

    monkeypatch.setattr(undo, "FOLDER", STATE_FOLDER)
    monkeypatch.setattr(module, "Module" if hasattr(module, "Module") else "AnsibleModule", ask)
    if hasattr(module, "_load_params"):  # what it is given brings the class; without that it asks for it as the others
        monkeypatch.setattr(module, "_load_params", dict)
    with pytest.raises(Asked) as asked:
        module.main()
    documented = yaml.safe_load(module.DOCUMENTATION)
    for fragment in documented.get("extends_documentation_fragment", []):
        short, _dot, part = fragment[len("netops.keepalive.") :].partition(".")
        ours = importlib.import_module(f"ansible_collections.netops.keepalive.plugins.doc_fragments.{short}")
        shared = yaml.safe_load(getattr(ours.ModuleDocFragment, part.upper() or "DOCUMENTATION"))
        for key in ("options", "attributes"):
            theirs, own = shared.get(key) or {}, documented.get(key) or {}
            documented[key] = {name: {**theirs.get(name, {}), **own.get(name, {})} for name in {**theirs, **own}}
    return asked.value.spec, documented


def essence(options: Spec, nested: str) -> Spec:
    """Return of each option what both sides say of it."""
    found = {}
    for name, option in (options or {}).items():
        said = {key: option[key] for key in KEYS if option.get(key) not in (None, False) or (key == "default"
                and option.get(key) is not None)}  # fmt: skip
        said.setdefault("type", "str")
        if "choices" in said:
            said["choices"] = sorted(said["choices"])
        if option.get(nested):
            said["options"] = essence(option[nested], nested)
        found[name] = said
    return found


def test_there_are_modules() -> None:
    assert len(MODULES) >= 11


@pytest.mark.parametrize("name", MODULES)
def test_the_arguments_are_those_of_the_documentation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, documented = specification(name, monkeypatch)
    has, says = essence(spec["argument_spec"], "options"), essence(documented["options"], "suboptions")
    assert has.keys() == says.keys()
    for option, details in says.items():
        assert has[option] == details, option


@pytest.mark.parametrize("name", MODULES)
def test_check_mode_is_what_the_documentation_promises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, documented = specification(name, monkeypatch)
    assert bool(spec.get("supports_check_mode")) is (documented["attributes"]["check_mode"]["support"] != "none")


@pytest.mark.parametrize("name", MODULES)
def test_only_what_would_fill_the_log_is_kept_out_of_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, _documented = specification(name, monkeypatch)
    kept_out = {option for option, details in spec["argument_spec"].items() if details.get("no_log")}
    assert kept_out == {"sources", "prebuilt_files", "command", "helper", "look", "code"} & spec["argument_spec"].keys()
