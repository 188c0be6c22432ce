"""What ansible-test runs in place of the get-pip.py it would download.

ansible-test calls it as ``get-pip.py [pip options] pip==X [--no-setuptools] [--no-wheel]`` in an empty virtual
environment. Python's own ensurepip takes the first step, the package index that pip is configured for the rest, so that
no further host has to be reachable.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

environment = dict(os.environ)  # as it was: ensurepip turns pip's configuration files off in os.environ
ensurepip.bootstrap(default_pip=True)
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--upgrade", *arguments], env=environment))
