# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that have a keepalive setting of their own: the one table behind the audit's advice and docs/recipes.md.

A test compares the two. Settings are written as the programs' own documentation has them, with $idle, $intvl and $cnt
for the values in seconds and probes, $total for the time to give up, $minutes for $idle in whole minutes, $idle300 and
$idle60 for $idle where more is refused or would make a default worse.
"""

from __future__ import annotations

import string
import typing as t

from .idle import KeepaliveTimes

BOTH = ("accepted", "outgoing")
ACCEPTED = ("accepted",)
OUTGOING = ("outgoing",)


class OwnSetting(t.NamedTuple):
    """One setting of one program, or of a library that many programs use."""

    name: str
    """Whose it is, as people call it."""
    text: str
    """What to write, in Markdown."""
    where: str
    """The file, and how it takes effect."""
    source: str
    """The documentation that says so."""
    sides: t.Tuple[str, ...]
    """The directions of connections that it is about."""
    programs: t.Tuple[str, ...] = ()
    """Patterns of the program's file name, or of the script or class that an interpreter runs."""
    libraries: t.Tuple[str, ...] = ()
    """Patterns of the file names of mapped libraries."""
    units: t.Tuple[str, ...] = ()
    """Patterns of the unit, where the program's name says too little."""
    ports: t.Tuple[int, ...] = ()
    """Where given, one of the peers has to be on one of these ports."""
    go: bool = False
    """For every program that Go linked."""
    times: bool = True
    """Whether it sets the times; else keepalive is only turned on, with the kernel's."""
    certain: bool = True
    """Whether it surely is about these connections; a library may be loaded and open none of them."""
    heartbeat: bool = False
    """Whether the program itself sends something: the audit, which reads TCP's options, does not see that."""
    remark: str = ""
    """What else one has to know, in Markdown."""
    on: bool = False
    """Whether the program turns keepalive on on all that it accepts unless told otherwise, with the host's times."""
    user_timeout: bool = False
    """Whether the program itself says what TCP_USER_TIMEOUT is, also where that is nothing (0): then no entry can."""


def fill_in(text: str, values: KeepaliveTimes) -> str:
    """Put values into a setting, or into the place where it goes."""
    idle, interval, count = values
    return string.Template(text).substitute(
        idle=idle,
        intvl=interval,
        cnt=count,
        total=interval * count,
        minutes=max(1, idle // 60),
        idle300=min(300, idle),
        idle60=min(60, idle),
    )


SETTINGS: t.Tuple[OwnSetting, ...] = (
    OwnSetting(
        "PostgreSQL server",
        "`tcp_keepalives_idle = $idle`, `tcp_keepalives_interval = $intvl`, `tcp_keepalives_count = $cnt`",
        "postgresql.conf; a reload is enough",
        "https://www.postgresql.org/docs/current/runtime-config-connection.html",
        ACCEPTED,
        programs=("postgres", "postmaster"),
        remark="`tcp_user_timeout` (ms) from version 12",
        on=True,
    ),
    OwnSetting(
        "libpq (psql, psycopg, PostgreSQL's replication)",
        "`keepalives_idle=$idle keepalives_interval=$intvl keepalives_count=$cnt`",
        "the connection string (of a standby: primary_conninfo)",
        "https://www.postgresql.org/docs/current/libpq-connect.html",
        OUTGOING,
        libraries=("libpq.so*", "libpq-*.so*"),
        certain=False,
        remark="`tcp_user_timeout` (ms) from version 12",
    ),
    OwnSetting(
        "PostgreSQL's JDBC driver",
        "`tcpKeepAlive=true`",
        "the JDBC URL",
        "https://jdbc.postgresql.org/documentation/use/",
        OUTGOING,
        programs=("java",),
        ports=(5432, 6432),
        times=False,
        certain=False,
    ),
    OwnSetting(
        "PgBouncer",
        "`tcp_keepidle = $idle`, `tcp_keepintvl = $intvl`, `tcp_keepcnt = $cnt`",
        "pgbouncer.ini, for new connections after RELOAD",
        "https://www.pgbouncer.org/config.html",
        BOTH,
        programs=("pgbouncer",),
        remark="`tcp_keepalive` is on by default; `tcp_user_timeout` (ms)",
        on=True,
    ),
    OwnSetting(
        "MariaDB server",
        "`tcp_keepalive_time = $idle`, `tcp_keepalive_interval = $intvl`, `tcp_keepalive_probes = $cnt`",
        "[mariadbd] of my.cnf, and SET GLOBAL for now",
        "https://mariadb.com/docs/server/ref/mdb/cli/mariadbd/tcp-keepalive-time",
        ACCEPTED,
        programs=("mariadbd",),
        on=True,
        remark="from version 10.3.3; Oracle's MySQL only turns keepalive on: there, the library `listen`",
    ),
    OwnSetting(
        "MongoDB server",
        "`net.ipv4.tcp_keepalive_time = $idle`",
        "sysctl of the host, then restart mongod: it has no setting of its own and counts more than 300 as 300",
        "https://www.mongodb.com/docs/manual/faq/diagnostics/",
        BOTH,
        programs=("mongod", "mongos"),
    ),
    OwnSetting(
        "Oracle Database",
        "`SQLNET.EXPIRE_TIME=$minutes` (minutes)",
        "sqlnet.ora of the server, for new sessions",
        "Oracle Database, Net Services Reference, parameters for sqlnet.ora",
        ACCEPTED,
        programs=("oracle",),
        remark="whole minutes, so nothing for an idle timeout of about a minute",
    ),
    OwnSetting(
        "redis, Valkey",
        "`tcp-keepalive $idle`",
        "redis.conf, or CONFIG SET tcp-keepalive $idle for new connections",
        "https://redis.io/docs/latest/develop/reference/clients/",
        BOTH,
        programs=("redis-server", "redis-check-rdb", "redis-sentinel", "valkey-server", "valkey-check-rdb"),
        remark="300 by default; it probes every third of it, three times",
    ),
    OwnSetting(
        "RabbitMQ",
        "`heartbeat = $idle60` and `tcp_listen_options.keepalive = true`",
        "rabbitmq.conf, then restart; the client has to agree to the heartbeat",
        "https://www.rabbitmq.com/docs/heartbeats",
        ACCEPTED,
        programs=("rabbitmq-server",),
        units=("rabbitmq*",),
        heartbeat=True,
        remark="heartbeats are on by default, unless the client turns them off",
    ),
    OwnSetting(
        "librdkafka",
        "`socket.keepalive.enable=true`",
        "the client's configuration",
        "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md",
        OUTGOING,
        libraries=("librdkafka.so*", "librdkafka-*.so*"),
        times=False,
        certain=False,
    ),
    OwnSetting(
        "Elasticsearch",
        "`network.tcp.keep_idle: $idle300`, `network.tcp.keep_interval: $intvl`, `network.tcp.keep_count: $cnt`",
        "elasticsearch.yml, then restart; it refuses more than 300 s",
        "https://www.elastic.co/docs/reference/elasticsearch/configuration-reference/networking-settings",
        BOTH,
        programs=("org.elasticsearch.*",),
    ),
    OwnSetting(
        "nginx, clients",
        "`listen … so_keepalive=$idle:$intvl:$cnt;`",
        "one listen directive of each address and port, nginx takes it only once; then reload",
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#listen",
        ACCEPTED,
        programs=("nginx", "openresty"),
    ),
    OwnSetting(
        "nginx, upstreams",
        "`proxy_socket_keepalive on;`",
        "http, server or location, then reload; also fastcgi_, uwsgi_, scgi_, grpc_ and memcached_socket_keepalive",
        "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_socket_keepalive",
        OUTGOING,
        programs=("nginx", "openresty"),
        times=False,
        remark="from version 1.15.6",
    ),
    OwnSetting(
        "Apache httpd, proxied servers",
        "`ProxyPass … keepalive=On`",
        "the ProxyPass or BalancerMember, then reload",
        "https://httpd.apache.org/docs/current/mod/mod_proxy.html#proxypass",
        OUTGOING,
        programs=("apache2", "httpd"),
        times=False,
    ),
    OwnSetting(
        "HAProxy, clients",
        "`option clitcpka`, `clitcpka-idle ${idle}s`, `clitcpka-intvl ${intvl}s`, `clitcpka-cnt $cnt`",
        "defaults, frontend or listen, then reload",
        "https://docs.haproxy.org/, option clitcpka",
        ACCEPTED,
        programs=("haproxy",),
        remark="the times from version 2.3; `tcp-ut` on `bind`",
        user_timeout=True,
    ),
    OwnSetting(
        "HAProxy, servers",
        "`option srvtcpka`, `srvtcpka-idle ${idle}s`, `srvtcpka-intvl ${intvl}s`, `srvtcpka-cnt $cnt`",
        "defaults, backend or listen, then reload",
        "https://docs.haproxy.org/, option srvtcpka",
        OUTGOING,
        programs=("haproxy",),
        remark="the times from version 2.3; `tcp-ut` on `server`",
        user_timeout=True,
    ),
    OwnSetting(
        "Envoy, upstreams",
        "`upstream_connection_options: {tcp_keepalive: {keepalive_time: $idle, keepalive_interval: $intvl, "
        "keepalive_probes: $cnt}}`",
        "each cluster",
        "https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto",
        OUTGOING,
        programs=("envoy",),
    ),
    OwnSetting(
        "Varnish",
        "`-p tcp_keepalive_time=$idle -p tcp_keepalive_intvl=$intvl -p tcp_keepalive_probes=$cnt`",
        "varnishd's command line; varnishadm param.set for now",
        "varnishd(1), run-time parameters",
        ACCEPTED,
        programs=("varnishd", "cache-main"),
    ),
    OwnSetting(
        "Squid",
        "`http_port … tcpkeepalive=$idle,$intvl,$total`",
        "squid.conf, for new connections after squid -k reconfigure",
        "https://www.squid-cache.org/Doc/config/http_port/",
        ACCEPTED,
        programs=("squid",),
    ),
    OwnSetting(
        "stunnel",
        "`socket = l:SO_KEEPALIVE=1`, `socket = l:TCP_KEEPIDLE=$idle`, and `r:` in the place of `l:` for the other end",
        "stunnel.conf, then reload; likewise TCP_KEEPINTVL=$intvl and TCP_KEEPCNT=$cnt",
        "stunnel(8)",
        BOTH,
        programs=("stunnel", "stunnel4"),
    ),
    OwnSetting(
        "OpenLDAP replication",
        "`keepalive=$idle:$cnt:$intvl`",
        "syncrepl of the consumer",
        "slapd.conf(5)",
        OUTGOING,
        programs=("slapd",),
    ),
    OwnSetting(
        "rsyslog, receiving",
        '`keepAlive="on" keepAlive.time="$idle" keepAlive.interval="$intvl" keepAlive.probes="$cnt"`',
        'module(load="imtcp" …), then restart',
        "https://www.rsyslog.com/doc/configuration/modules/imtcp.html",
        ACCEPTED,
        programs=("rsyslogd",),
        remark="the interval from version 8.2106",
    ),
    OwnSetting(
        "rsyslog, sending",
        '`keepAlive="on" keepAlive.time="$idle" keepAlive.interval="$intvl" keepAlive.probes="$cnt"`',
        'action(type="omfwd" …), then restart',
        "https://www.rsyslog.com/doc/configuration/modules/omfwd.html",
        OUTGOING,
        programs=("rsyslogd",),
    ),
    OwnSetting(
        "syslog-ng",
        "`so-keepalive(yes) tcp-keepalive-time($idle) tcp-keepalive-intvl($intvl) tcp-keepalive-probes($cnt)`",
        "each network() or syslog() source and destination, then restart: a reload keeps what is open",
        "syslog-ng's administration guide, options of network()",
        BOTH,
        programs=("syslog-ng",),
    ),
    OwnSetting(
        "Samba",
        "`socket options = TCP_NODELAY SO_KEEPALIVE TCP_KEEPIDLE=$idle TCP_KEEPINTVL=$intvl TCP_KEEPCNT=$cnt`",
        "[global] of smb.conf, for new sessions",
        "smb.conf(5)",
        ACCEPTED,
        programs=("smbd",),
    ),
    OwnSetting(
        "OpenSSH server",
        "`ClientAliveInterval $idle`",
        "sshd_config, for new sessions after a reload",
        "sshd_config(5)",
        ACCEPTED,
        programs=("sshd", "sshd-session", "sshd-auth"),
        heartbeat=True,
        on=True,
    ),
    OwnSetting(
        "OpenSSH client",
        "`ServerAliveInterval $idle`",
        "ssh_config, or ssh -o",
        "ssh_config(5)",
        OUTGOING,
        programs=("ssh",),
        heartbeat=True,
    ),
    OwnSetting(
        "Go programs",
        "`net.Dialer.KeepAlive`, `net.ListenConfig.KeepAlive`",
        "the program's source",
        "https://pkg.go.dev/net#Dialer",
        BOTH,
        go=True,
        remark="on by default, every 15 s, unless the program says otherwise",
    ),
    OwnSetting(
        "systemd sockets",
        "`KeepAlive=yes`, `KeepAliveTimeSec=$idle`, `KeepAliveIntervalSec=$intvl`, `KeepAliveProbes=$cnt`",
        "[Socket] of the .socket unit; the collection writes them for an entry of that name",
        "systemd.socket(5)",
        ACCEPTED,
        units=("*.socket",),
    ),
)
