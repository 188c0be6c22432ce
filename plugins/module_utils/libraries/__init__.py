# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

The preload libraries on a host: compiled or brought, tried, installed, and told whether they still hold.
"""
