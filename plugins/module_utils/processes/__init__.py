# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

What one process has of the libraries and of their settings, and who still has something after a removal.
"""
