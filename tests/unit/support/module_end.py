# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module says last."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.netops.keepalive.plugins.module_utils.linux.module import Module


def ended(capsys: pytest.CaptureFixture[str], arguments: t.Dict[str, t.Any], way: t.Callable[[Module], t.Any]) -> t.Any:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        way(Module({}))
    return json.loads(capsys.readouterr().out)
