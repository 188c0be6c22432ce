# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short ways for tests to resolve lists of services."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.settings.checks import ResolveError
from ansible_collections.netops.keepalive.plugins.module_utils.settings.services import resolution


def resolve(services: t.Any, *others: t.Any, **more: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Return the services as the filter does; every mistake is an error."""
    found = resolution(services, *others, **more)
    if found.problems:
        raise ResolveError(found.problems)
    return [service.as_dict() for service in found.services]


def only(services: t.Any, **others: t.Any) -> t.Dict[str, t.Any]:
    """Resolve lists that give one unit."""
    (service,) = resolve(services, **others)
    return service


def mistakes(services: t.Any, **others: t.Any) -> t.List[str]:
    with pytest.raises(ResolveError) as error:
        resolve(services, **others)
    assert str(error.value) == "\n".join(error.value.problems)
    return error.value.problems


def a(**settings: t.Any) -> t.Dict[str, t.Any]:
    return {"name": "a.service", **settings}
