# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs inside an interpreter, and that nothing else of its arguments is told."""

from __future__ import annotations

import shlex
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import scripts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.scripts import arguments_of, script_of
from hypothesis import given
from hypothesis import strategies as st


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
        ("/usr/bin/python3", "python3 -mcelery -A jobs", "celery"),
        ("/usr/bin/python3", "python3 -um http.server 80", "http.server"),
        ("/usr/bin/python3", "python3 -Ximporttime -Werror worker", "worker"),
        ("/usr/bin/python3", "python3 -- -odd.py", ""),
        ("/usr/bin/perl", "perl -de /x.pl", ""),
        ("/usr/bin/perl", "perl -MData::Dumper -i.bake /usr/bin/spamd", "/usr/bin/spamd"),
        ("/usr/bin/ruby", "ruby -W0 -I lib bin/puma", "bin/puma"),
        (
            "/usr/bin/node",
            "node --max-old-space-size=4096 --enable-source-maps /srv/app/server.js",
            "/srv/app/server.js",
        ),
        ("/usr/bin/node", "node --token-file /etc/key server.js", ""),
        ("/usr/bin/php8.2", "php8.2 -d memory_limit=1G artisan queue:work", "artisan"),
        ("/usr/bin/php", "php -f /srv/daemon.php", "/srv/daemon.php"),
        ("/usr/bin/bash", "bash -euo pipefail -x /usr/local/bin/run", "/usr/local/bin/run"),
        ("/usr/bin/bash", "bash +e --rcfile /etc/rc ./run.sh", "./run.sh"),
        ("/usr/bin/bash", "bash -l /srv/Größe/日本.sh", "/srv/Größe/日本.sh"),
        ("/usr/lib/jvm/bin/java", "java --class-path=/a:/b -Dpassword=x Main", "Main"),
    ],
)
def test_the_script(program: str, arguments: str, script: str) -> None:
    assert script_of(program, arguments.split()) == script


SECRETS = [
    ("python3", "python3 -c 'password=\"S3CRET\"'"),
    ("python3", "python3 -uc S3CRET"),
    ("python3", "python3 -Ic S3CRET"),
    ("python3", "python3 -cS3CRET"),
    ("python3", "python3 -W x -c S3CRET"),
    ("python3", "python3 -Wx -Bc S3CRET"),
    ("python3", "python3 -m 'x=S3CRET'"),
    ("python3", "python3 - S3CRET"),
    ("python3", "python3 'S3CRET = 1'"),
    ("python3", "python3 --unknown S3CRET"),
    ("python3", "python3 -Z S3CRET"),
    ("bash", "bash -lc S3CRET"),
    ("bash", "bash -ec S3CRET"),
    ("bash", "bash -ceu S3CRET"),
    ("bash", "bash -oc pipefail S3CRET"),
    ("bash", "bash -o pipefail -c S3CRET"),
    ("bash", "bash -s S3CRET"),
    ("bash", "bash --login -c S3CRET"),
    ("sh", "sh -c S3CRET"),
    ("dash", "-sh -c S3CRET"),
    ("perl", "perl -e S3CRET"),
    ("perl", "perl -ne S3CRET"),
    ("perl", "perl -le S3CRET"),
    ("perl", "perl -l012e S3CRET"),
    ("perl", "perl -0777pe S3CRET"),
    ("perl", "perl -pe S3CRET"),
    ("perl", "perl -wE S3CRET"),
    ("perl", "perl -MIO::Socket -e S3CRET"),
    ("perl", "perl -i.bak -pe S3CRET"),
    ("ruby", "ruby -e S3CRET"),
    ("ruby", "ruby -Kue S3CRET"),
    ("ruby", "ruby -rsocket -ne S3CRET"),
    ("ruby", "ruby -W0e S3CRET"),
    ("php", "php -r S3CRET"),
    ("php", "php -qr S3CRET"),
    ("php", "php -dx=1 -r S3CRET"),
    ("php", "php --run S3CRET"),
    ("php", "php --run=S3CRET"),
    ("node", "node -e S3CRET"),
    ("node", "node -pe S3CRET"),
    ("node", "node --eval=S3CRET"),
    ("node", "node --print S3CRET"),
    ("node", "node --title S3CRET"),
    ("node", "node --secret S3CRET"),
    ("java", "java -Dpassword=S3CRET"),
    ("java", "java --password S3CRET"),
    ("java", "java @S3CRET"),
    ("java", "java 'S3CRET x'"),
    ("python3", "python3 https://user:S3CRET@host/x.py"),
    ("python3", "python3 PASSWORD=S3CRET"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "arguments"), SECRETS)
def test_what_was_given_inline_is_never_told(program: str, arguments: str) -> None:
    assert "S3CRET" not in script_of(f"/usr/bin/{program}", shlex.split(arguments))


@given(
    st.sampled_from(sorted(scripts._GRAMMARS)),
    st.lists(
        st.one_of(st.text(max_size=8), st.sampled_from(["-m", "-c", "-jar", "--", "-", "-f", "x.py", "a\x1b.py"]))
    ),
)
def test_whatever_the_arguments_are_a_name_is_told_or_nothing(program: str, arguments: list[str]) -> None:
    name = script_of(f"/usr/bin/{program}", [program, *arguments])
    assert name == "" or name in " ".join(arguments)
    assert name.isprintable() and not set(name) & set(" ='\"(){};:\\")


def test_a_name_of_megabytes_is_none() -> None:
    assert script_of("/usr/bin/python3", ["python3", "x" * 100_000 + ".py"]) == ""
    assert arguments_of(b"python3\0-u\0" + b"x" * 100_000) == ["python3", "-u"]


def test_so_much_of_the_arguments_is_understood() -> None:
    longest = "x" * (64 * 1024 - len("sh") - 1)
    assert arguments_of(b"sh\0" + longest.encode()) == ["sh", longest]
    assert arguments_of(b"sh\0" + longest.encode() + b"y") == ["sh"]
    assert arguments_of(b"sh\0" + longest[:-1].encode() + b"\0") == ["sh", longest[:-1]]


def test_the_arguments_of_a_process() -> None:
    assert arguments_of(b"python3\0x.py\0") == ["python3", "x.py"]
    assert arguments_of(b"gunicorn: worker [app]\0\0\0") == ["gunicorn: worker [app]"]
    assert arguments_of(b"") == []
    assert script_of("/usr/bin/python3", ["gunicorn: worker [app]"]) == ""


FLAGS = {
    "python3": "bBdEhiIOPqRsSuvVx?",
    "perl": "acdfglnpsStTuUvVwWX0123456789",
    "ruby": "acdhlnpsSvwyUKTW0123456789",
    "node": "chiv",
    "php": "aeChHilmnqsvw",
    "bash": "abefhiklmnprtuvxBCDEHPT",
}
"""As their manuals say: letters without an argument."""
TAKING = {"python3": "WX", "perl": "I", "ruby": "CEIrX", "node": "rC", "php": "bcdtTSz", "bash": "oO"}
HOLDING = {"perl": "CDFimMx", "ruby": "Fix"}
INLINE = {"python3": "c", "perl": "eE", "ruby": "e", "node": "ep", "php": "rBRE", "bash": "cs"}
NAMING = {"python3": "m", "php": "fF"}
WORDS = {
    "python3": ["--check-hash-based-pycs"],
    "ruby": ["--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable"],
    "node": ["--require", "--import", "--loader", "--experimental-loader", "--conditions", "--env-file", "--title"],
    "php": ["--php-ini", "--define", "--docroot", "--server"],
    "bash": ["--rcfile", "--init-file"],
    "java": ["-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules",
             "--limit-modules", "--add-opens", "--add-exports", "--add-reads", "--enable-native-access", "--source",
             "-d", "--describe-module"],
}  # fmt: skip
INLINE_WORDS = {
    "node": ["--eval", "--print"],
    "php": ["--run", "--process-begin", "--process-code", "--process-end"],
}
NAMING_WORDS = {"php": ["--file", "--process-file"], "java": ["-jar", "-m", "--module"]}


def each(table: t.Mapping[str, t.Iterable[str]]) -> t.List[t.Tuple[str, str]]:
    """Return the options of a table one by one, each letter with its dash, each with its interpreter."""
    return [(name, option if option[1:] else f"-{option}") for name, options in table.items() for option in options]


def runs(name: str, *arguments: str) -> str:
    return script_of(f"/usr/bin/{name}", [name, *arguments])


@pytest.mark.parametrize(("name", "flag"), each(FLAGS))
def test_a_flag_does_not_hide_what_runs(name: str, flag: str) -> None:
    """Nor is what follows taken for its argument: a name that nothing shows to be one is told only where it is sure."""
    assert runs(name, flag, "artisan") == "artisan"
    assert runs(name, flag + FLAGS[name][0], "artisan") == "artisan"


@pytest.mark.parametrize(("name", "option"), [*each(TAKING), *each(WORDS)])
def test_an_option_takes_the_next_word(name: str, option: str) -> None:
    assert runs(name, option, "x", "artisan") == "artisan"
    if option.startswith("--") and name != "bash":
        assert runs(name, f"{option}=x", "artisan") == "artisan"


@pytest.mark.parametrize(("name", "option"), [pair for pair in each({**TAKING, **HOLDING}) if pair[0] != "bash"])
def test_or_has_its_argument_in_its_own_word(name: str, option: str) -> None:
    assert runs(name, f"{option}x", "artisan") == "artisan"


@pytest.mark.parametrize(("name", "option"), each(HOLDING))
def test_an_option_that_can_only_have_it_there(name: str, option: str) -> None:
    assert runs(name, option, "artisan") == "artisan"


@pytest.mark.parametrize(("name", "option"), [*each(INLINE), *each(INLINE_WORDS)])
def test_behind_what_begins_a_program_text_nothing_is_told(name: str, option: str) -> None:
    assert runs(name, option, "secret.py") == ""
    assert runs(name, option, "x", "secret.py") == ""


@pytest.mark.parametrize(("name", "option"), [*each(NAMING), *each(NAMING_WORDS)])
def test_an_option_that_names_what_runs(name: str, option: str) -> None:
    assert runs(name, option, "artisan", "more.py") == "artisan"
    assert runs(name, option) == ""
    if option.startswith("--"):
        assert runs(name, f"{option}=artisan", "more.py") == "artisan"


@pytest.mark.parametrize("name", ["nodejs", "php-cgi", "sh", "dash", "python3.11", "php8.2", "ruby3.1"])
def test_an_interpreter_has_several_names(name: str) -> None:
    assert runs(name, "artisan") == "artisan"
    assert runs(name + "x", "artisan") == ""


def test_a_name_may_be_so_long() -> None:
    assert runs("python3", "x" * 1021 + ".py") == "x" * 1021 + ".py"
    assert runs("python3", "x" * 1022 + ".py") == ""
