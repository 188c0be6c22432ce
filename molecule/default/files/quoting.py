"""Hold our reader of systemd's quoting to systemd itself: quoting.py WORDS.json [--print].

Each line of the file becomes the Environment= of a unit. What systemd makes of it is asked over the bus, where nothing
is quoted, and must be what the file says; what `systemctl show` prints must be one of its forms there.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

UNITS = pathlib.Path("/run/systemd/system")
BUS = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1/unit/{}", "org.freedesktop.systemd1.Service")


def run(*command: str) -> str:
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return printed.decode("utf-8", "surrogateescape")  # with each carriage return that is in it


def asked(line: str, number: int) -> t.Dict[str, t.Any]:
    name = f"quoting-{number}.service"
    service, path, interface = BUS
    path = path.format(f"quoting_2d{number}_2eservice")
    run("busctl", "call", service, "/org/freedesktop/systemd1", f"{service}.Manager", "LoadUnit", "s", name)
    answer = json.loads(run("busctl", "get-property", "--json=short", service, path, interface, "Environment"))
    shown = run("systemctl", "show", "--property=Environment", name).rstrip("\n").partition("=")[2]
    return {"line": line, "words": answer["data"], "shown": shown}


def main() -> None:
    cases = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    UNITS.mkdir(exist_ok=True)
    files = [UNITS / f"quoting-{number}.service" for number in range(len(cases))]
    try:
        for file, case in zip(files, cases):
            text = f"[Service]\nEnvironment={case['line']}\nExecStart=/bin/true\n"
            file.write_text(text, encoding="utf-8")
        run("systemctl", "daemon-reload")
        answers = [asked(case["line"], number) for number, case in enumerate(cases)]
    finally:
        for file in files:
            file.unlink()
        run("systemctl", "daemon-reload")
    if "--print" in sys.argv:
        print(json.dumps(answers, indent=1))
        return
    wrong = [
        (answer, case)
        for answer, case in zip(answers, cases)
        if answer["words"] != case["words"] or answer["shown"] not in case["shown"]
    ]
    for answer, case in wrong:
        print(f"systemd: {answer}\nwe:      {case}")
    sys.exit(1 if wrong or not cases else 0)


if __name__ == "__main__":
    main()
