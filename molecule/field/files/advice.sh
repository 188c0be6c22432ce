#!/bin/sh
# advice.sh KEEPIDLE|none: do what the refusal says is right for PostgreSQL and postfix, in its own words; or undo it.
set -eu
environment=$(ls /etc/postgresql/*/main/environment)
names='LD_PRELOAD TCP_KEEPIDLE TCP_KEEPCNT TCP_KEEPINTVL TCP_USER_TIMEOUT'
sed -i '/^\(LD_PRELOAD\|TCP_\)/d' "$environment"
imported=$(postconf -h import_environment | sed "s/ $names//")
if [ "$1" = none ]; then
    postconf -e "import_environment=$imported"
    exit
fi
cat >> "$environment" << EOF
LD_PRELOAD = '/usr/lib/libkeepalive/libkeepalive.so:/usr/lib/libkeepalive/libkeepalive_listen.so'
TCP_KEEPIDLE = '$1'
TCP_KEEPCNT = '4'
TCP_KEEPINTVL = '11'
TCP_USER_TIMEOUT = '-1'
EOF
postconf -e "import_environment=$imported $names"
