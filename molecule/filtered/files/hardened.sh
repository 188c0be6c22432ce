#!/usr/bin/env bash
# Starts hardened1.service and so on: each setting for which systemd filters system calls, alone and together with others.
set -euo pipefail

number=0
start() {
    local settings=("${@/#/--property=}")
    number=$((number + 1))
    systemd-run --quiet --unit "hardened$number" "${settings[@]}" sleep infinity
}

start DynamicUser=yes
start SystemCallFilter=@system-service
start SystemCallFilter=@system-service SystemCallFilter=~@privileged SystemCallErrorNumber=EPERM SystemCallArchitectures=native
start SystemCallLog=@mount
start RestrictAddressFamilies=~AF_PACKET
start 'RestrictAddressFamilies=AF_INET AF_INET6' User=nobody
start RestrictNamespaces=~user MemoryDenyWriteExecute=yes
start RestrictRealtime=yes RestrictSUIDSGID=yes NoNewPrivileges=yes
start LockPersonality=yes ProtectKernelModules=yes ProtectKernelTunables=yes ProtectKernelLogs=yes
start ProtectClock=yes ProtectHostname=yes PrivateDevices=yes
start SystemCallFilter=~setsockopt:EPERM
start DynamicUser=yes SystemCallFilter=@system-service SystemCallArchitectures=native MemoryDenyWriteExecute=yes \
    LockPersonality=yes RestrictNamespaces=~mnt RestrictRealtime=yes ProtectClock=yes ProtectHostname=yes PrivateDevices=yes \
    'RestrictAddressFamilies=AF_INET AF_UNIX' CapabilityBoundingSet= ProtectKernelLogs=yes
