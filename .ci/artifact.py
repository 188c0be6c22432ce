"""Build the collection beside things that are not the collection's, install the artifact elsewhere, and look at it.

Run in a copy of the tree (.ci/in-tree), with ansible-galaxy, ansible-doc and ansible-playbook on PATH.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NAME = "netops.keepalive"
DOCUMENTED = ("become", "cache", "callback", "connection", "filter", "inventory", "lookup", "module", "test", "vars")
"""The kinds of plugins that ansible-doc documents; the folder of a kind is its plural, but for filter and so on."""

FOR_DEVELOPERS = re.compile(
    r"(.*/)?\..* | (bench|molecule|tests)/.* | (Makefile|ansible\.cfg|galaxy\.yml|pyproject\.toml"
    r"|requirements-dev\.txt|execution-environment\.yml)",
    re.VERBOSE,
)
"""What of the repository is not for users; all else is, and nothing but that."""

STRAYS = (
    "inventory", "hosts", "hosts.yml", "inventory.ini", "site.yml", "group_vars/all.yml", "host_vars/web1.yml",
    "id_ed25519", "vault.key", ".vault_pass", ".env", "notes.md", "netops-keepalive-0.0.1.tar.gz", "core",
    ".venv/lib/python3/site-packages/x.py", "venv/bin/python", "node_modules/x/index.js", "reports/report.json",
    "collections/ansible_collections/x/y/plugins/modules/z.py", "playbooks/inventory.yml", "playbooks/site.yml",
    "playbooks/group_vars/all.yml", "playbooks/files/id_rsa", "examples/inventory/group_vars/secret.yml",
    "examples/inventory/hosts.yml.orig", "roles/keepalive_build/files/server.pem",
    "roles/keepalive_build/vars/main.yml", "roles/own/tasks/main.yml", "roles/keepalive_build/tasks/.main.yml.swp",
    "plugins/modules/__pycache__/x.cpython-311.pyc", "plugins/modules/.x.py", "plugins/modules/x.py~",
    "plugins/plugin_utils/report_html/page.html.bak", "plugins/inventory/own.py", "csrc/build/libkeepalive.so",
    "csrc/libkeepalive.o", "csrc/libkeepalive.so", "docs/inventory.yml", "docs/monitoring/notes.txt",
    "changelogs/.plugin-cache.yaml", "meta/secret.yml",
)  # fmt: skip
"""What lies in a checkout in which somebody works. Files of the collection's own kind in its own folders are missing:
nobody can tell these from what is yet to be committed."""

LINKS = {".ansible/collections/ansible_collections/netops/keepalive": "../../../..", "playbooks/audit.yml": "/gone",
         "roles/keepalive_build/tasks/key.yml": "/etc/hostname", "docs/etc": "/etc"}  # fmt: skip
"""The first is the one that `make venv` makes."""


OWN_WARNING = re.compile(r"\[WARNING\]: Collection at '\S+/ansible/_protomatter' does not have a MANIFEST\.json file.*")
"""What ansible-doc of ansible-core 2.21 says of a collection of its own, when it is asked for roles."""


def run(*command: str, **environment: str) -> str:
    """Run a command to its end; a warning on standard error counts as a failure. Returns standard output."""
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if done.returncode or OWN_WARNING.sub("", done.stderr).strip():
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout


def files_of(folder: pathlib.Path) -> set[str]:
    """The files below a folder, without what git keeps."""
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    return {name for name in files if not name.startswith(".git/")}


def litter() -> None:
    """Put things into the checkout that are not the collection's."""
    for name in STRAYS:
        path = pathlib.Path(name)
        if path.exists():
            sys.exit(f"{name} is the collection's own by now: it cannot stand for what is not")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a secret\n", encoding="utf-8")
    for name, target in LINKS.items():
        pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, name)


def compare_files(wanted: set[str], installed: pathlib.Path) -> list[str]:
    """Say what is missing and what should not be there."""
    files = files_of(installed) - {"MANIFEST.json", "FILES.json"}
    print(f"{len(files)} files")
    return [
        *(f"{name} is not in the artifact: take it into galaxy.yml's manifest" for name in sorted(wanted - files)),
        *(f"{name} does not belong into the artifact" for name in sorted(files - wanted)),
    ]


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


def check_run(collections: str, folder: str) -> list[str]:
    """Have a playbook of the installed collection look at this machine, and make its report: HTML and all."""
    document = pathlib.Path(folder, "report.json")
    run(
        *("ansible-playbook", "-i", "localhost,", "-c", "local", f"{NAME}.audit_keepalive"),
        *("-e", "audit_idle_timeout=350", "-e", f"keepalive_report={document}", "-e", "keepalive_report_formats=html"),
        *("-e", f"ansible_python_interpreter={sys.executable}", "-e", "ansible_become=false"),
        ANSIBLE_COLLECTIONS_PATH=collections,
    )
    made = [path for path in (document, document.with_suffix(".html")) if not path.exists()]
    return [f"the audit of this machine made no {path}" for path in made]


def check_import(artifact: pathlib.Path, folder: str) -> list[str]:
    """Have it imported as Ansible Galaxy does. (Its ansible-lint has `make test-lint` run already.)"""
    done = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(artifact)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"},
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if re.match(r"[A-Z]+: ", line)]
    if not said and (done.returncode or "completed successfully" not in done.stdout):
        said = [done.stdout[-2000:] + done.stderr]
    return [f"galaxy-importer: {line}" for line in said]


def check_environment(artifact: pathlib.Path, definition: pathlib.Path) -> list[str]:
    """Have ansible-builder read the definition of an execution environment, which names the artifact."""
    folder = artifact.parent
    shutil.copy(definition, folder)
    done = subprocess.run(["ansible-builder", "create"], cwd=folder, capture_output=True, text=True, check=False)
    taken = (folder / "context" / "_build" / artifact.name).is_file()
    return [] if not done.returncode and taken else [f"ansible-builder create: {done.stdout[-2000:]}{done.stderr}"]


def main() -> None:
    """Build, install, look."""
    wanted = {name for name in files_of(pathlib.Path()) if not FOR_DEVELOPERS.fullmatch(name)}
    litter()
    with tempfile.TemporaryDirectory() as temporary:
        built, collections = f"{temporary}/built", f"{temporary}/collections"
        run("ansible-galaxy", "collection", "build", "--output-path", built)
        (artifact,) = pathlib.Path(built).iterdir()
        print(f"{artifact.name}: {artifact.stat().st_size // 1024} KiB")
        run(
            *("ansible-galaxy", "collection", "install", "--offline", "-p", collections, str(artifact)),
            ANSIBLE_COLLECTIONS_PATH=collections,
        )
        installed = pathlib.Path(collections, "ansible_collections", *NAME.split("."))
        problems = compare_files(wanted, installed)
        problems += check_docs(installed, collections) + check_run(collections, temporary)
        problems += check_import(artifact, temporary)
        problems += check_environment(artifact, pathlib.Path("execution-environment.yml"))
    if problems:
        sys.exit("\n".join(problems))


main()
