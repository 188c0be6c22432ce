# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn a tar archive into a cpio archive (newc), as the kernel unpacks them at boot: standard input to output."""

from __future__ import annotations

import itertools
import pathlib
import stat
import sys
import tarfile
import typing as t

KINDS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.LNKTYPE: stat.S_IFREG,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


def entry(number: int, name: str, mode: int, content: bytes, device: t.Tuple[int, int] = (0, 0)) -> bytes:
    """One member. Numbers of files are all different, so nothing is a link of another."""
    path = name.encode("utf-8", "surrogateescape") + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def main() -> None:
    numbers, seen, made = itertools.count(1), {}, set()
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for member in archive:
            kind, content = KINDS[member.type], b""
            if member.issym():
                content = member.linkname.encode("utf-8", "surrogateescape")
            elif member.isreg():
                content = t.cast("t.IO[bytes]", archive.extractfile(member)).read()
                seen[member.name] = content
            elif member.islnk():
                content = seen[member.linkname]
            device = (member.devmajor, member.devminor) if member.ischr() or member.isblk() else (0, 0)
            name = member.name[2:] if member.name.startswith("./") else member.name
            for folder in reversed(pathlib.PurePosixPath(name).parents[:-1]):
                if folder not in made:  # tar makes what is above by itself, the kernel does not
                    sys.stdout.buffer.write(entry(next(numbers), str(folder), stat.S_IFDIR | 0o755, b""))
                    made.add(folder)
            made.add(pathlib.PurePosixPath(name))
            sys.stdout.buffer.write(entry(next(numbers), name or ".", kind | member.mode, content, device))
    sys.stdout.buffer.write(entry(0, "TRAILER!!!", 0, b""))


if __name__ == "__main__":
    main()
