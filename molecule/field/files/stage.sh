#!/bin/sh
# What a tar archive does not say: folders for roots, links, other packages' settings; then start everything.
set -eu
mkdir -p /srv/config/linkdir.d /opt/percent/lib /srv/jail/usr /srv/jail/lib /srv/jail/lib64 /srv/jail/etc /srv/jail/bin
cp /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 /opt/percent/lib/
for folder in usr/bin usr/lib/python3 usr/lib/python3.11 usr/lib/python3.13 usr/lib/x86_64-linux-gnu usr/lib/libkeepalive usr/local \
    lib64 etc; do mkdir -p "/srv/cell/$folder"; done
ln -sfn usr/lib /srv/cell/lib
ln -sfn /srv/config/linkdir.d /etc/systemd/system/linkdir.service.d
# A name as systemd-escape(1) makes them; no archive of a collection takes one.
printf '[Service]\nExecStart=/usr/bin/python3 /usr/local/lib/field/hold.py 127.0.0.1 9100\n' \
    > '/etc/systemd/system/app\x2dlink.service'
ln -sfn /etc/systemd/system/plain.service '/etc/systemd/system/other\x2dname.service'
chmod 600 /etc/sssd/sssd.conf
# Its owner is whom it runs as: root until version 2.9.
if [ "$(sssd --version | cut -d. -f2)" -lt 10 ]; then chown root:root /etc/sssd/sssd.conf; else chown sssd:sssd /etc/sssd/sssd.conf; fi
cat >> /etc/haproxy/haproxy.cfg << 'EOF'
frontend field
    mode tcp
    bind 127.0.0.1:9300
    default_backend field
backend field
    mode tcp
    server peer 127.0.0.1:9100
EOF
# The pool of the package, on TCP; a later file says more of it.
for pools in /etc/php/*/fpm/pool.d; do printf '[www]\nlisten = 127.0.0.1:9000\n' > "$pools/zz-field.conf"; done
sed -i '1i host all all 127.0.0.1/32 trust' /etc/postgresql/*/main/pg_hba.conf
mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp # as hardened hosts have it: nothing that is compiled can be tried there
systemctl daemon-reload
systemctl restart "$(basename /usr/lib/systemd/system/php*-fpm.service)" # the image starts it
systemctl start peer.service
systemctl start chrony slapd postfix postgresql mariadb haproxy apache2 rabbitmq-server sssd nslcd oldagent chat.socket \
    plain 'app\x2dlink' linkdir crowd leaver twins percent shop tenant@red tenant@blue launcher viaenv jail cell noexec stubborn
systemctl start --no-block longjob loop
# Connections that do nothing, for as long as the host lives: one that systemd has accepted, one through haproxy, and what an
# audit is to see of PostgreSQL and postfix.
systemd-run --quiet --unit=talker nc 127.0.0.1 9200
systemd-run --quiet --unit=caller /usr/bin/python3 /usr/local/lib/field/hold.py 127.0.0.1 9300
systemd-run --quiet --unit=mailer /usr/bin/python3 /usr/local/lib/field/hold.py 127.0.0.1 25
systemd-run --quiet --unit=reporter sh -c 'sleep infinity | psql --no-psqlrc --host=127.0.0.1 --username=postgres'
for _ in $(seq 1200); do
    missing=
    systemctl --quiet is-active 'chat@*' || missing="$missing, a connection that chat.socket has accepted"
    test -s /run/longjob.starts || missing="$missing, the start of longjob"
    systemctl show --value --property=SubState loop | grep -q auto-restart || missing="$missing, the pause of loop between two starts"
    [ "$(ss -tnH state established '( dport = :25 or dport = :5432 )' | wc -l)" = 2 ] ||
        missing="$missing, the connections to postfix and PostgreSQL"
    [ -n "$missing" ] || exit 0
    sleep 0.1
done
echo "not there after 2 minutes: ${missing#, }" >&2
exit 1
