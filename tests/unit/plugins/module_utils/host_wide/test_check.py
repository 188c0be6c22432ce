# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a library says of a settings file is told line by line, and that it could not be asked is no praise."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.host_wide import check
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended, TimedOut
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries
from ansible_collections.netops.keepalive.tests.unit.support.mounted import BROKEN_PRELOAD, run_mounted

ASK = """
from .module_utils.host_wide import check
def ask(text, library):
    try:
        return check.complaints(text, library)
    except check.CannotCheck as error:
        return str(error)
print(json.dumps([ask(*each) for each in asked]))
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a mount namespace")


@needs_root
def test_the_library_itself_is_asked(libraries: pathlib.Path) -> None:
    library = str(libraries / LIBRARIES["connect"])
    assert check.complaints("# ours\nTCP_KEEPIDLE=60\n\n[unit a.service]\nTCP_KEEPCNT=3\n", library) == []
    assert check.complaints("", library) == []
    idle, odd = check.complaints("TCP_KEEPIDLE=60s\n# \udcff\nODD\n", library)
    assert idle.startswith("line 1: TCP_KEEPIDLE") and odd.startswith("line 3: ")


@needs_root
def test_a_library_that_reads_no_file_is_not_taken_for_one_that_has_no_complaint(
    libraries: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    loader, end = check.complaints("TCP_KEEPIDLE=60\n", str(tmp_path / "libx.so"))
    assert "libx.so" in loader and end == NOT_ALL
    with pytest.raises(check.CannotCheck, match=r"keepalive_inspect\.so did not read the file$"):
        check.complaints("TCP_KEEPIDLE=60\n", str(libraries / "libkeepalive_inspect.so"))


@needs_root
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("echo one >&2; exit 3", "in a mount namespace, a program ended with status 3 already without /x.so: one"),
        (
            '[ -z "$LIBKEEPALIVE_DEBUG" ] && echo "I am $$" >&2 && exit; echo "I am $$" >&2; echo two >&2; exit 4',
            "a program with /x.so in a mount namespace ended with status 4: two",
        ),
    ],
)
def test_a_program_that_does_not_start_with_it_or_not_at_all(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    true = tmp_path / "true"
    true.write_text(f"#!/bin/sh\n{program}\n")
    true.chmod(0o755)
    monkeypatch.setattr(check, "find_program", lambda name: {"true": str(true)}.get(name, f"/usr/bin/{name}"))
    library = str(bad_libraries.good(tmp_path / "x.so"))
    with pytest.raises(check.CannotCheck) as seen:
        check.complaints("", library)
    assert str(seen.value) == said.replace("/x.so", library)


@needs_root
def test_what_the_host_says_is_no_word_on_the_file(libraries: pathlib.Path) -> None:
    """unshare, sh and mount are loaded with an entry of others that is missing; the candidate is right, or wrong."""
    library = str(libraries / LIBRARIES["connect"])
    right, wrong = run_mounted(BROKEN_PRELOAD, ASK, [["TCP_KEEPIDLE=60\n", library], ["ODD\n", library]])
    assert right == []
    (line,) = wrong
    assert line.startswith("line 1: ")


@needs_root
def test_a_library_where_nothing_is_executed_is_no_mistake_in_the_file(tmp_path: pathlib.Path) -> None:
    mounts = f"mount -t tmpfs -o noexec tmpfs {tmp_path}"
    (said,) = run_mounted(mounts, ASK, [["TCP_KEEPIDLE=60\n", f"{tmp_path}/libx.so"]])
    assert said == f"{tmp_path}/libx.so lies on {tmp_path}, which is mounted noexec, so that no program can load it"


def test_a_host_without_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why they are not run is said, where they are there."""
    found = {"unshare": (None, "/usr/bin/unshare lies on /usr, which is mounted noexec"), "true": (None, "")}
    monkeypatch.setattr(command, "look_for", lambda name: found.get(name, (f"/bin/{name}", "")))
    said = r"^unshare and true not found in \S+ \(/usr/bin/unshare lies on /usr, which is mounted noexec\)$"
    with pytest.raises(check.CannotCheck, match=said):
        check.complaints("", "/x.so")


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), TimedOut("unshare", 30)])
def test_a_program_that_cannot_be_run(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def run(_command: t.Sequence[str], _limit: float) -> t.Any:
        raise error

    monkeypatch.setattr(check, "run", run)
    with pytest.raises(check.CannotCheck) as seen:
        check.complaints("", "/x.so")
    assert str(seen.value) == str(error)


NOT_ALL = "and it did not read it to its end"
LAST = "libkeepalive: ignored: /etc/libkeepalive.conf line 3: LIBKEEPALIVE_DISABLE is no number"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (LAST, []),
        (f"libkeepalive: ignored: /etc/libkeepalive.conf line 2: odd\n{LAST}\n", ["line 2: odd"]),
        (f"  ld.so: x \n{LAST}\n", ["ld.so: x"]),
        (
            "libkeepalive: ignored: /etc/libkeepalive.conf line 2: odd\n",
            ["line 2: odd", NOT_ALL],
        ),
        (
            "ignored: /etc/other.conf line 3: x",
            ["ignored: /etc/other.conf line 3: x", NOT_ALL],
        ),
    ],
)
def test_what_it_says_in_words(said: str, found: t.List[str]) -> None:
    assert check._in_words(said, ["TCP_KEEPIDLE=1", "odd"], "/x.so") == found


def test_a_library_that_says_nothing_has_read_nothing() -> None:
    with pytest.raises(check.CannotCheck, match=r"^/x.so did not read the file$"):
        check._in_words("", ["a", "b"], "/x.so")


def test_what_the_host_says_of_the_file_that_it_has_hides_no_mistake_in_the_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """unshare, sh and mount read the old one, where the libraries are loaded into every program."""
    mistake = "libkeepalive: ignored: /etc/libkeepalive.conf line 1: odd"
    noise = "ERROR: ld.so: object '/of-others.so' from /etc/ld.so.preload cannot be preloaded: ignored."
    said = f"{noise}\n{mistake}\n{check._BEGINS}\n{noise}\n{mistake}\n{LAST}\n"
    monkeypatch.setattr(check, "find_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(check, "run", lambda *_arguments: Ended(0, "", said))
    assert check.complaints("odd\nTCP_KEEPIDLE=1\n", "/x.so") == ["line 1: odd"]


BEGINS = "from here on with the library\n"


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Ended(32, "", "mount: denied\nby \x1b\n"),
         "in a mount namespace, a program ended with status 32 already without /x.so: mount: denied / by \\x1b"),
        (Ended(0, "", ""), "in a mount namespace, a program ended with status 0 already without /x.so: "),
        (Ended(0, "", f"{BEGINS[:-1]} and more\n{LAST}\n"),
         "in a mount namespace, a program ended with status 0 already without /x.so: "
         f"{BEGINS[:-1]} and more / {LAST}"),
        (Ended(-11, "", f"noise 7\n{BEGINS}noise 8\n"),
         "a program with /x.so in a mount namespace was ended by signal 11 (SIGSEGV): "),
        (Ended(127, "", f"noise\n{BEGINS}noise\none\ntwo\x1b\n"),
         "a program with /x.so in a mount namespace ended with status 127: one / two\\x1b"),
        (Ended(0, "", f"noise\n{BEGINS}noise\n"), "/x.so did not read the file"),
    ],
)  # fmt: skip
def test_whose_fault_it_is_that_nothing_was_found_out(monkeypatch: pytest.MonkeyPatch, ended: Ended, said: str) -> None:
    monkeypatch.setattr(check, "find_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(check, "run", lambda *_arguments: ended)
    with pytest.raises(check.CannotCheck) as seen:
        check.complaints("a\nb\n", "/x.so")
    assert str(seen.value) == said


def test_how_the_library_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that stands for /etc has the candidate, as everybody would read it, and the cache of the loader."""
    seen = []

    def run(command: t.Sequence[str], seconds: float) -> Ended:
        assert seconds == 30
        folder = pathlib.Path(command[8])
        candidate = folder / "libkeepalive.conf"
        seen.append((command[:8], command[9:], candidate.read_bytes(), candidate.stat().st_mode & 0o777))
        assert (folder / "ld.so.cache").exists() == os.path.exists("/etc/ld.so.cache")
        return Ended(0, "", f"noise of 7\n{BEGINS}noise of 8\n{LAST}\n")

    monkeypatch.setattr(check, "find_program", lambda name: f"/bin/{name}")
    monkeypatch.setattr(check, "run", run)
    before = os.umask(0o077)
    try:
        assert check.complaints("A\r\nB\udcff", "/x.so") == []
    finally:
        os.umask(before)
    inside = (
        'mount --bind "$1" /etc && "$3" || exit\n'
        'echo "from here on with the library" >&2\n'
        'exec env LIBKEEPALIVE_DEBUG=1 LD_PRELOAD="$2" "$3"'
    )
    command = ["/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", inside, "sh"]
    text = b"A\nB\xff\nLIBKEEPALIVE_DISABLE=the library has read this far\n"
    assert seen == [(command, ["/x.so", "/bin/true"], text, 0o644)]
