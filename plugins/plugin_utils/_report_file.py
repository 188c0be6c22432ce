# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the document of a run goes on the controller, and how it gets there and back."""

from __future__ import annotations

import errno
import functools
import json
import os
import stat
import typing as t

from ..module_utils.linux.files import replace_file
from ..module_utils.report.changes import Changes
from ..module_utils.report.document import MARK
from ..module_utils.report.reading import NoDocument, read_document
from ._core import AnsibleActionFail

if t.TYPE_CHECKING:
    from ._report_forms import FormOfFile

COLLECTION = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ENDING = ".json"


_LARGEST = 1 << 30
"""Bytes; ten times the report of 20,000 hosts."""


def forms_of_files() -> t.Mapping[str, FormOfFile]:
    """Return the forms by their names. Their code is loaded where one is wanted: most runs want none."""
    from ._report_forms import FORMS_OF_FILES

    return FORMS_OF_FILES


@functools.lru_cache(maxsize=64)
def problem_with_place(said: str) -> str:
    """Say why no document could be written there; '' where it could."""
    path = _whole(said)
    if _is_folder(said):
        place = path if os.path.isdir(path) else os.path.dirname(path)
        return _problem_with_folder(place)
    if not path.endswith(ENDING):
        return f"is neither a folder that is there, nor a file that ends with {ENDING}; for a new folder, end it with /"
    if os.path.lexists(path):
        if not os.path.isfile(path):
            return "is no file"
        if not _begins_with(path, MARK):
            return "is there, and no report of an earlier run: it would be overwritten; choose another name"
    return _problem_with_folder(os.path.dirname(path))


def problem_with_formats(said: str, formats: t.Iterable[str]) -> str:
    """Say which file beside the document would be overwritten, though it is none of ours; '' for none."""
    for name in formats if not _is_folder(said) else ():
        form = forms_of_files()[name]
        path = beside(_whole(said), form)
        if os.path.lexists(path) and not _begins_with(path, form.mark):
            return f"cannot be written as {name} too: {path} is there, and no report of an earlier run"
    return ""


def beside(path: str, form: FormOfFile) -> str:
    """Return the path of another form of a document."""
    return path[: -len(ENDING)] + form.ending


def write_forms(
    path: str, document: t.Mapping[str, t.Any], formats: t.Iterable[str], changes: t.Optional[Changes] = None
) -> list[str]:
    """Write other forms of a document beside it; return their paths.

    :param changes: What has changed since another document, where that is wanted.
    :raises AnsibleActionFail: One cannot be written, or there is something else under its name.
    """
    problem = problem_with_formats(path, formats)
    if problem:
        raise AnsibleActionFail(f"keepalive_report: {path} {problem}")
    forms = [forms_of_files()[name] for name in formats]
    for form in forms:
        write_report(beside(path, form), form.text_of(document, changes))
    return [beside(path, form) for form in forms]


def _begins_with(path: str, mark: str) -> bool:
    try:
        with _opened(path) as file:
            return file.read(len(mark)) == mark.encode("utf-8")
    except OSError:
        return False


def _opened(path: str) -> t.BinaryIO:
    """Open a file, and nothing that keeps its reader waiting or has no end: a FIFO, a device.

    :raises OSError: It is none, or it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file", path)
    return os.fdopen(descriptor, "rb")


def _problem_with_folder(folder: str) -> str:
    if not os.path.isdir(folder):
        return f"cannot be written: there is no folder {folder} on the controller"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"cannot be written: nobody may write to {folder} here"


def file_of(said: str, kind: str, begun: str) -> str:
    """Return the path of the document of a run; in a folder each run has one of its own."""
    if not _is_folder(said):
        return _whole(said)
    return os.path.join(_whole(said), f"keepalive-{kind}-{_stamp(begun)}{ENDING}")


def write_report(path: str, text: str) -> None:
    """Write a file from one moment to the next.

    :raises AnsibleActionFail: It cannot be written.
    """
    try:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.mkdir(folder)
        replace_file(path, text.encode("utf-8"))
    except OSError as error:
        raise AnsibleActionFail(
            f"keepalive_report: {path} cannot be written on the controller: {error.strerror}"
        ) from None  # Ansible would put the cause behind it, and say the same twice


class NoReport(ValueError):
    """Why there is no document to read: place and value, without the variable that has named it."""


def read_report(said: str) -> tuple[str, dict[str, t.Any]]:
    """Return the path of a document, and the document; of a folder the latest.

    :raises AnsibleActionFail: There is none, or it is wrong.
    """
    path = _whole(said)
    try:
        if os.path.isdir(path):
            path = _latest(path)
        return path, document_in(path)
    except NoReport as error:
        raise AnsibleActionFail("; ".join(f"keepalive_report: {line}" for line in str(error).split("\n"))) from None


def document_in(path: str) -> dict[str, t.Any]:
    """Return the document of a file.

    :raises NoReport: There is none, or it is wrong; a line for each mistake.
    """
    try:
        with _opened(path) as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                raise NoReport(f"{path} is larger than any report")
            content = file.read(_LARGEST)
        return read_document(content.decode("utf-8"), schema())
    except OSError as error:
        raise NoReport(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NoReport(f"{path}: byte {error.start} is no UTF-8") from error
    except NoDocument as error:
        raise NoReport("\n".join(f"{path}: {line}" for line in str(error).split("\n"))) from error


def schema() -> dict[str, t.Any]:
    """Return what a document is held to."""
    with open(os.path.join(COLLECTION, "docs", "report.schema.json"), encoding="utf-8") as file:
        found: dict[str, t.Any] = json.load(file)
    return found


def version_of_collection() -> str:
    """Return the release of this collection, whether it is installed or a checkout."""
    for name in ("MANIFEST.json", "galaxy.yml"):
        try:
            with open(os.path.join(COLLECTION, name), encoding="utf-8") as file:
                text = file.read()
        except OSError:
            continue
        if name == "MANIFEST.json":
            return str(json.loads(text)["collection_info"]["version"])
        return next(line.split()[1] for line in text.splitlines() if line.startswith("version:"))
    return "unknown"


def _latest(folder: str) -> str:
    paths = reports_in(folder)
    if not paths:
        raise NoReport(f"{folder} holds no report (keepalive-*{ENDING})")
    return paths[0]


def reports_in(folder: str, before: str = "") -> list[str]:
    """Return the paths of the documents in a folder, the latest first.

    :param before: When a run has begun; that, and what is later, is left out. '': nothing is.
    :raises NoReport: It cannot be read.
    """
    try:
        names = [name for name in os.listdir(folder) if name.startswith("keepalive-") and name.endswith(ENDING)]
    except OSError as error:
        raise NoReport(f"{folder} cannot be read: {error.strerror}") from error
    wanted = [name for name in names if not before or _stamp_of(name) < _stamp(before)]
    return [os.path.join(folder, name) for name in sorted(wanted, key=_stamp_of, reverse=True)]


def _stamp_of(name: str) -> str:
    return name[: -len(ENDING)].rpartition("-")[2]


def _stamp(begun: str) -> str:
    return begun.replace("-", "").replace(":", "")


def _is_folder(said: str) -> bool:
    return said.endswith("/") or os.path.isdir(_whole(said))


def _whole(said: str) -> str:
    return os.path.abspath(os.path.expanduser(said))
