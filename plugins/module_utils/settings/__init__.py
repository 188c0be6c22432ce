# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to the collection.

What operators may say: the options, their ranges, and the variables, with every mistake in them.
"""
