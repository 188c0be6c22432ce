#!/bin/sh
export LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2
exec /usr/bin/python3 /usr/local/lib/field/hold.py 127.0.0.1 9100
