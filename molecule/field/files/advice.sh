#!/bin/sh
# Do what the refusal says is right for PostgreSQL and postfix: literally its words.
set -eu
cat >> "$(ls /etc/postgresql/*/main/environment)" << EOF
LD_PRELOAD = '/usr/lib/libkeepalive/libkeepalive.so:/usr/lib/libkeepalive/libkeepalive_listen.so'
TCP_KEEPIDLE = '$1'
TCP_KEEPCNT = '4'
TCP_KEEPINTVL = '11'
TCP_USER_TIMEOUT = '-1'
EOF
postconf -h import_environment | grep -q LD_PRELOAD || postconf -e \
    "import_environment=$(postconf -h import_environment) LD_PRELOAD TCP_KEEPIDLE TCP_KEEPCNT TCP_KEEPINTVL TCP_USER_TIMEOUT"
