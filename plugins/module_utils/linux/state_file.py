# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of JSON in which one run leaves for the next what cannot be seen on the host: the one way to read them.

They stand in folders of root's, and are written by rename. All the same a full disk, a restored backup, an editor or a
C(chmod -R) may have made anything of them. So what is not what was written is not believed, and that is said: never an
exception that nobody expects, never a guess, and never silence, because what the file knew is lost.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import stat
import typing as t

_MOST_DIGITS = 20
"""Of an integer: those of 64 bits. Some releases of Python take minutes over a number of a million digits."""


class Damaged(Exception):
    """The file is there and is not believed; the text says why, in words that follow its path."""


def read_json(path: str, limit: int, private: bool = True) -> t.Any:
    """Return what the file says.

    :param limit: bytes; a longer file is none that we have written.
    :param private: only where nobody but root and ourselves can have written it, and it is no link. What an operator
        keeps among his own files is for him to guard.
    :raises FileNotFoundError: there is none.
    :raises Damaged: it is not believed.
    """
    try:
        with _opened(path, os.O_NOFOLLOW if private else 0) as (folder, descriptor):
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Damaged("is not a regular file")
            if private:
                _refuse_others(status, "it")
                _refuse_others(os.fstat(folder), "its folder")
            return parse_json(_content(descriptor, status.st_size, limit))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(path) from None
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror}") from error


def parse_json(content: bytes) -> t.Any:
    """Return the value that a text in JSON stands for.

    :raises Damaged: it is none; also where Python would take it: NaN, 1e999 as infinity, or a number of any length.
    """
    # No finalizers of garbage are run deep in a text: Python 3.8 ends for good where one finds no room for a call.
    collects = gc.isenabled()
    gc.disable()
    try:
        text = content.decode("utf-8")
        return json.loads(text, parse_constant=_no_constant, parse_int=_integer, parse_float=_finite)
    except RecursionError as error:
        raise Damaged("is nested too deeply") from error
    except MemoryError as error:
        raise Damaged("does not fit into the memory") from error
    except ValueError as error:
        raise Damaged(f"is not JSON: {str(error)[:200]}") from error
    finally:
        if collects:
            gc.enable()


def is_integer(value: t.Any, lowest: int, highest: int) -> bool:
    """Tell whether a value is an integer of a range; to Python, V(true) is one as well."""
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


@contextlib.contextmanager
def _opened(path: str, flags: int) -> t.Iterator[t.Tuple[int, int]]:
    """Open the folder and the file in it, not waiting for anybody: it may be a FIFO."""
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags |= os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(os.path.basename(path), flags, dir_fd=folder)
        try:
            yield folder, descriptor
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)


def _refuse_others(status: os.stat_result, what: str) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise Damaged(f"could have been written by others: {what} belongs to uid {status.st_uid}")
    if status.st_mode & 0o022:
        raise Damaged(f"could have been written by others: {what} has mode {stat.S_IMODE(status.st_mode):04o}")


def _content(descriptor: int, size: int, limit: int) -> bytes:
    if size > limit:
        raise Damaged(f"has {size} bytes, and no more than {limit} are ever written")
    with open(descriptor, "rb", closefd=False) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Damaged(f"has more than {limit} bytes, and no more are ever written")
    return content


def _no_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # which no JSON could say again
        raise ValueError("a number that is too large")
    return number


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)
