# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents of runs over fleets as they are: many units, several sets of values, and each kind of trouble somewhere."""

from __future__ import annotations

import random
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.report.document import HostSeen, document_of

from .reported import ACCEPTED, RIGHT, RUN, STALE, STOPPED, Facts, audited, host, socket

_UNITS = (
    "billing.service", "nginx.service", "redis-server.service", "worker@.service", "postgresql@15-main.service",
    "haproxy.service", "sshd.socket", "rabbitmq-server.service", "kafka.service", "zookeeper.service",
    "grafana-server.service", "prometheus.service", "node-exporter.service", "vault.service", "consul.service",
    "memcached.service", "php8.2-fpm.service", "gunicorn.service", "celery.service", "ingest-collector.service",
)  # fmt: skip
_VALUES: t.Sequence[Facts] = (
    {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1},
    {"keepidle": 120, "keepintvl": 30, "keepcnt": 4, "user_timeout": 0},
    {"keepidle": 15, "keepintvl": 5, "keepcnt": 3, "user_timeout": 10000},
    {"keepidle": 300, "keepintvl": 75, "keepcnt": 9, "user_timeout": -1},
)
_SITES = ("web", "app", "db", "cache")


def realistic(number: int, units: int = 20, kind: str = "enable", seed: int = 1, **of_run: t.Any) -> Facts:
    """The document of a run over so many hosts; another seed is the same fleet a week later."""
    chance = random.Random(seed)
    hosts = {}
    for index in range(number):
        name = f"{_SITES[index % 4]}{index // 4 + 1:03}.{('fra', 'ams', 'iad')[index % 3]}.example.net"
        hosts[name] = _host(chance, _UNITS[:units], kind)
    return document_of(RUN._replace(kind=kind, **of_run), hosts)


def _host(chance: random.Random, names: t.Sequence[str], kind: str) -> HostSeen:
    fate = chance.random()
    if fate < 0.006:
        return HostSeen(why=["could not be reached"])
    if fate < 0.009:
        why = ["nginx.service: did not stay up: failed (failed), result exit-code, exit status 3"]
        undone = {"changed": ["nginx.service"], "restarted": ["nginx.service"]}
        return HostSeen("failed", why, undone={**undone, "set_open": {}, "still_new": [], "failed": []})
    units: t.Dict[str, Facts] = {}
    sockets: t.List[Facts] = []
    for name in names:
        drawn, many = chance.random(), chance.randint(1, 60)
        if drawn < 0.002:
            units[name] = {**STALE, "relevant": many + 3, "compliant": many}
            sockets += [socket(name)] * 3
        elif drawn < 0.004:
            units[name] = {**STALE, "noncompliant": 2, "compliant": many, "relevant": many + 2,
                           "reasons": {"library_not_loaded": 2}}  # fmt: skip
            detail = "libkeepalive.so is not loaded: /usr/bin/worker is statically linked"
            sockets += [socket(name, "library_not_loaded", detail=detail)] * 2
        elif drawn < 0.01:
            units[name] = ACCEPTED
        elif drawn < 0.04:
            units[name] = STOPPED
        else:
            units[name] = {**RIGHT, "relevant": many, "compliant": many}
    expected = {
        name: {"libraries": ["connect"], "tcp": _VALUES[(0, 0, 1, 0, 2, 3)[index % 6]], "accept": [], "min_sockets": 0}
        for index, name in enumerate(names)
    }
    did = {"changed": [names[0]], "restarted": [names[0]]} if kind == "enable" and chance.random() < 0.3 else {}
    return host(units, sockets, expected=expected, did=did, audit=audited() if kind == "audit" else None)
