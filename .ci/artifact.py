"""Build the collection, install the artifact elsewhere, and look at what a user then has.

Run in a copy of the tree (.ci/in-tree), with ansible-galaxy and ansible-doc on PATH.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NAME = "netops.keepalive"
DOCUMENTED = ("become", "cache", "callback", "connection", "filter", "inventory", "lookup", "module", "test", "vars")
"""The kinds of plugins that ansible-doc documents; the folder of a kind is its plural, but for filter and so on."""

WANTED = ("LICENSE", "README.md", "SECURITY.md", "csrc/Makefile", "csrc/LICENSE", "meta/runtime.yml",
          *(f"plugins/plugin_utils/report_html/page.{ending}" for ending in ("css", "html", "js")),
          "docs/report.schema.json")  # fmt: skip
"""Files without which the artifact is of no use."""

ALLOWED = re.compile(
    r"""
    (MANIFEST|FILES)\.json | LICENSE | (README|CHANGELOG|CONTRIBUTING|SECURITY)\.md | meta/[\w-]+\.yml
    | changelogs/(config|changelog)\.yaml | changelogs/fragments/.*\.yml
    | csrc/(LICENSE|Makefile|README\.md|\w+\.[ch]|\w+\.map)
    | docs/[\w./-]+\.(json|md|png|rst|yml|svg)
    | examples/[\w./-]+\.(yml|ini|md)
    | (enable|disable|audit|build)-keepalive\.yml | playbooks/[\w./-]+\.(yml|j2|py)
    | plugins/(action|doc_fragments|filter|modules|plugin_utils)/\w+\.py | plugins/module_utils/\w+/\w+\.py
    | plugins/plugin_utils/report_html/page\.(css|html|js)
    | roles/keepalive_\w+/(README\.md|(defaults|handlers|meta|tasks|vars)/[\w-]+\.yml|(files|templates)/[\w./-]+)
    """,
    re.VERBOSE,
)
"""What may be in it, by full path; anything else is there by mistake, or this list has to grow."""


def run(*command: str, **environment: str) -> str:
    """Run a command to its end; a warning on standard error counts as a failure. Returns standard output."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode or done.stderr.strip():
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout


def check_files(installed: pathlib.Path) -> list[str]:
    """Say what is missing and what should not be there."""
    files = {str(path.relative_to(installed)) for path in installed.rglob("*") if not path.is_dir()}
    problems = [f"{name} is missing" for name in WANTED if name not in files]
    for folder in ("csrc", "docs", "meta", "playbooks", "plugins", "roles"):
        if not any(name.startswith(f"{folder}/") for name in files):
            problems.append(f"nothing of {folder}/ is there")
    problems += [f"{name} does not belong there" for name in sorted(files) if not ALLOWED.fullmatch(name)]
    print(f"{len(files)} files")
    return problems


def check_docs(installed: pathlib.Path, collections: str) -> list[str]:
    """Have ansible-doc show every plugin and role; say which it does not know."""
    names: dict[str, list[str]] = {}
    for kind in DOCUMENTED:
        folder = installed / "plugins" / ("modules" if kind == "module" else kind)
        names[kind] = [path.stem for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
    names["role"] = [path.name for path in sorted((installed / "roles").glob("*")) if path.is_dir()]

    problems = []
    for kind, stems in names.items():
        if not stems:
            continue
        full = [f"{NAME}.{stem}" for stem in stems]
        # Both forms: JSON says what is known, and the text is what a person sees.
        shown = json.loads(run("ansible-doc", "-t", kind, "--json", *full, ANSIBLE_COLLECTIONS_PATH=collections))
        text = run("ansible-doc", "-t", kind, *full, ANSIBLE_COLLECTIONS_PATH=collections)
        problems += [f"ansible-doc -t {kind}: nothing about {name}" for name in full if not shown.get(name)]
        problems += [f"ansible-doc -t {kind}: no text about {name}" for name in full if name not in text]
        print(f"{kind}: {', '.join(stems)}")
    if not names["module"] or not names["role"]:
        problems.append("there is no module, or no role")
    return problems


def main() -> None:
    """Build, install, look."""
    with tempfile.TemporaryDirectory() as temporary:
        built, collections = f"{temporary}/built", f"{temporary}/collections"
        run("ansible-galaxy", "collection", "build", "--output-path", built)
        (artifact,) = pathlib.Path(built).iterdir()
        print(f"{artifact.name}: {artifact.stat().st_size // 1024} KiB")
        run(
            "ansible-galaxy",
            "collection",
            "install",
            "--offline",
            "-p",
            collections,
            str(artifact),
            ANSIBLE_COLLECTIONS_PATH=collections,
        )
        installed = pathlib.Path(collections, "ansible_collections", *NAME.split("."))
        problems = check_files(installed) + check_docs(installed, collections)
    if problems:
        sys.exit("\n".join(problems))


main()
