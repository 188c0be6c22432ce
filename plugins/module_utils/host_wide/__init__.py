# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

The host-wide mode's /etc/libkeepalive.conf: from the variables to the file, and who has read it.
"""
