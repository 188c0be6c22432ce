# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What somebody wants of /etc/ld.so.preload, and that it is refused."""

from __future__ import annotations

import contextlib
import typing as t

from ..linux.command import TimedOut
from ..linux.preload_file import LD_SO_PRELOAD
from ..settings.options import LIBRARIES, LIBRARY_DIR
from .watchdog import WatchdogError


class PreloadRequest(t.NamedTuple):
    """Which entries are to stand in the file, and what is tried before it counts; see the options of ld_so_preload."""

    libraries: t.Optional[t.Sequence[str]] = None
    """The entries as they are to stand there; None: those of V(use)."""
    use: t.Sequence[str] = tuple(LIBRARIES)
    library_dir: str = LIBRARY_DIR
    path: str = LD_SO_PRELOAD
    preflight: bool = True
    programs: t.Optional[t.Sequence[t.Any]] = None
    """None: those that are tried by default."""
    extra_programs: t.Sequence[t.Any] = ()
    units: t.Sequence[str] = ()
    timeout: int = 20
    watchdog: int = 60
    absent: bool = False
    """Every entry of ours goes."""
    backup: bool = False

    @property
    def folder(self) -> str:
        """The folder below which everything is ours."""
        return self.library_dir.rstrip("/")


class _Told(Exception):
    """What kept something from being done."""

    def __init__(self, lines: t.Union[str, t.Sequence[str]], **told: t.Any) -> None:
        self.lines = [lines] if isinstance(lines, str) else list(lines)
        """The text, of which each is one line."""
        self.told = told
        """What is told beside it, as the module returns it."""
        super().__init__("\n".join(self.lines))


class PreloadRefused(_Told):
    """Nothing was changed; the text says why."""


class TrialFailed(_Told):
    """A new file does not stay, or nobody could say whether it does; the text says what was seen.

    With C(healed) the host has looked, and says whether the file is as it was before.
    """


@contextlib.contextmanager
def in_words_of(path: str, failure: t.Type[_Told]) -> t.Iterator[None]:
    """Raise what keeps the file from being changed as one kind of failure, in words."""
    try:
        yield
    except (WatchdogError, TimedOut) as error:
        raise failure(str(error), path=path) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise failure(f"{path}: {error.strerror}{where}; nothing was changed", path=path) from error
