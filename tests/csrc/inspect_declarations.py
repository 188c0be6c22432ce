# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes plugins/module_utils/sockets/declarations.py from csrc/keepalive_inspect.h; a test tells when it is due.

python tests/csrc/inspect_declarations.py
"""

from __future__ import annotations

import pprint
import subprocess
import sys
import tempfile
import types
import typing as t
from pathlib import Path

import cffi

COLLECTION = Path(__file__).resolve().parents[2]
HEADER = COLLECTION / "csrc" / "keepalive_inspect.h"
TARGET = COLLECTION / "plugins" / "module_utils" / "sockets" / "declarations.py"

TEXT = '''# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What cffi makes of csrc/keepalive_inspect.h. Made by tests/csrc/inspect_declarations.py; do not edit.

Reading the header itself takes cffi longer than the library takes to read thousands of sockets.
"""

from __future__ import annotations

import typing as t

SOURCE = {source}
"""The header that this was made from; any other has to be read itself."""

ARGUMENTS: t.Dict[str, t.Any] = {arguments}
"""Of _cffi_backend.FFI."""
'''


def declarations(header: str) -> dict[str, t.Any]:
    """What cffi's own generator hands to _cffi_backend.FFI for a header."""
    made: dict[str, t.Any] = {}
    ffi = cffi.FFI()
    ffi.cdef("".join(line for line in header.splitlines(True) if not line.startswith("#")))
    ffi.set_source("keepalive_inspect", None)
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "made.py"
        ffi.emit_python_code(str(module))
        code = module.read_text(encoding="utf-8").replace("import _cffi_backend", "")
    backend = types.SimpleNamespace(FFI=lambda _name, **arguments: made.update(arguments))
    exec(code, {"_cffi_backend": backend})
    return made


def main() -> None:
    header = HEADER.read_text(encoding="utf-8")
    arguments = pprint.pformat(declarations(header), width=100, sort_dicts=False)
    source = pprint.pformat(header.encode(), width=100)
    TARGET.write_text(TEXT.format(source=source, arguments=arguments), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(TARGET)], check=True, cwd=COLLECTION)


if __name__ == "__main__":
    main()
