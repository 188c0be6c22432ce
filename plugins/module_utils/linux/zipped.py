# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import from a zip without compiling everything twice.

Our code comes as text in a zip, be it a module of Ansible's, the unit of a rollout or the command, and to compile it is
most of what a short look costs a host. Python's own importer does so once to say what a module's file is called, and
once more to run it.
"""

from __future__ import annotations

import os
import sys
import zipimport


class ZipImporter(zipimport.zipimporter):
    """Says what a module's file is called without looking into it; the zip holds text alone, nothing compiled."""

    def get_filename(self, fullname: str) -> str:
        """Return the path of a module's text, the zip's own path before it."""
        ending = f"{os.sep}__init__.py" if self.is_package(fullname) else ".py"
        return os.path.join(self.archive, self.prefix + fullname.rpartition(".")[2]) + ending


def compile_once() -> None:
    """Have what is imported from zips from now on compiled once; nothing else changes, and where no zip is, nothing."""
    if not isinstance(sys.modules[__name__].__loader__, zipimport.zipimporter):
        return
    own = zipimport.zipimporter
    sys.path_hooks[:] = [ZipImporter if hook is own else hook for hook in sys.path_hooks]
    for path, finder in list(sys.path_importer_cache.items()):
        if type(finder) is own:  # pylint: disable=unidiomatic-typecheck
            sys.path_importer_cache[path] = ZipImporter(path)
