# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs inside an interpreter, and that nothing else of its arguments is told."""

from __future__ import annotations

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils._scripts import arguments_of, script_of


@pytest.mark.parametrize(
    ("program", "arguments", "script"),
    [
        ("/usr/bin/python3.11", "python3 /opt/x/worker.py --password secret", "/opt/x/worker.py"),
        ("/usr/bin/python3", "python3 -u -W error -X dev worker.py", "worker.py"),
        ("/usr/bin/python3", "python3 -m celery -A jobs worker", "celery"),
        ("/usr/bin/python3", "python3 -c secret", ""),
        ("/usr/bin/python3", "python3", ""),
        ("/usr/bin/perl", "perl -w -I lib /usr/bin/spamd", "/usr/bin/spamd"),
        ("/usr/bin/node", "node --require dotenv/config server.js", "server.js"),
        ("/usr/bin/node", "node -e secret", ""),
        ("/usr/bin/dash", "/bin/sh -c secret", ""),
        (
            "/usr/lib/jvm/bin/java",
            "java -Xmx1g -Dkey=secret -cp /a:/b org.elasticsearch.Main x",
            "org.elasticsearch.Main",
        ),
        ("/usr/lib/jvm/bin/java", "java -jar /srv/app.jar --token secret", "/srv/app.jar"),
        ("/usr/lib/jvm/bin/java", "java -m org.app/org.app.Main", "org.app/org.app.Main"),
        ("/usr/sbin/nginx", "nginx -c secret", ""),
        ("/usr/bin/pythonista", "pythonista worker.py", ""),
    ],
)
def test_the_script(program: str, arguments: str, script: str) -> None:
    assert script_of(program, arguments.split()) == script


def test_the_arguments_of_a_process() -> None:
    assert arguments_of(b"python3\0x.py\0") == ["python3", "x.py"]
    assert arguments_of(b"gunicorn: worker [app]\0\0\0") == ["gunicorn: worker [app]"]
    assert arguments_of(b"") == []
    assert script_of("/usr/bin/python3", ["gunicorn: worker [app]"]) == ""
