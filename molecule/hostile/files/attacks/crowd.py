"""crowd.py ADDRESS PORT: more programs with more connections than an audit lists, to crowd others' findings out."""

from __future__ import annotations

import os
import subprocess
import sys
import time

HOME = os.path.expanduser("~")
MOST = 230


def main() -> None:
    folder = os.path.join(HOME, "crowd")
    os.makedirs(folder, exist_ok=True)
    for number in range(MOST):
        program = os.path.join(folder, f"program{number}")
        os.link(os.path.join(HOME, "holder"), program)
        subprocess.Popen([program, sys.argv[1], sys.argv[2], "2"])


if __name__ == "__main__":
    main()
    open(os.environ["READY"], "w", encoding="ascii").close()
    time.sleep(100000)
