# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which program runs inside an interpreter: the script, the module or the Java class, told from its arguments.

Nothing else of the arguments leaves this module: they may hold passwords, and so may a program that is given inline.
The words are walked through as the interpreter does it; behind an option that is not known here, only what is named as
a script counts. Files are not looked for: the path is the user's, and may lead to a file system of his that answers
when it likes.
"""

from __future__ import annotations

import os
import re
import typing as t

MOST_BYTES = 64 * 1024
"""Of the arguments, read and understood; a process may have megabytes of them, or point the kernel to more."""

_LONGEST = 1024
"""Characters of a name that is told."""

_FILE = re.compile(r"(?!-)[\w.+@~-]*(?:/[\w.+@~-]+)*/?")
"""What a path looks like that is told: nothing that stands in program text, in assignments or in URLs."""

_SCRIPT = re.compile(r"\.(py|pyz|pl|rb|js|mjs|cjs|ts|php|phar|sh|bash|jar)\Z")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_JAVA = re.compile(r"(?:[^\W\d][\w.]*/)?[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")


class _Grammar(t.NamedTuple):
    """The options of one interpreter, as far as they tell where the script stands."""

    flags: str = ""
    """Letters that stand for themselves, alone or together in one word (V(-xe))."""
    taking: str = ""
    """Letters whose argument is the rest of the word, or else the next one."""
    holding: str = ""
    """Letters whose argument can only be the rest of the word."""
    inline: str = ""
    """Letters behind which program text stands, or that make the input the program."""
    naming: str = ""
    """Letters behind which the name of what runs stands."""
    words: t.Tuple[str, ...] = ()
    """Whole words that take the next one."""
    inline_words: t.Tuple[str, ...] = ()
    naming_words: t.Tuple[str, ...] = ()
    clusters: bool = True
    """Whether short options can stand together; Java's are words with one dash."""
    glued: bool = True
    """Whether an argument can stand in the word of its option; a shell's stand in the words behind."""
    name: t.Pattern[str] = _FILE
    """What the name that stands without an option looks like."""
    named: t.Pattern[str] = _FILE
    """What the name behind an option looks like."""


_SHELL = _Grammar(
    flags="abefhiklmnprtuvxBCDEHPT", taking="oO", inline="cs", words=("--rcfile", "--init-file"), glued=False
)
_PHP = _Grammar(
    flags="aeChHilmnqsvw",
    taking="bcdtTSz",
    inline="rBRE",
    naming="fF",
    inline_words=("--run", "--process-begin", "--process-code", "--process-end"),
    words=("--php-ini", "--define", "--docroot", "--server"),
    naming_words=("--file", "--process-file"),
)
_NODE = _Grammar(
    flags="chiv",
    taking="rC",
    inline="ep",
    words=("--require", "--import", "--loader", "--experimental-loader", "--conditions", "--env-file", "--title"),
    inline_words=("--eval", "--print"),
)
_GRAMMARS = {
    "python": _Grammar(
        flags="bBdEhiIOPqRsSuvVx?", taking="WX", inline="c", naming="m", words=("--check-hash-based-pycs",),
        named=_MODULE,
    ),
    "perl": _Grammar(flags="acdfglnpsStTuUvVwWX0123456789", taking="I", holding="CDFimMx", inline="eE"),
    "ruby": _Grammar(
        flags="acdhlnpsSvwyUKTW0123456789", taking="CEIrX", holding="Fix", inline="e",
        words=("--encoding", "--external-encoding", "--internal-encoding", "--enable", "--disable"),
    ),
    "node": _NODE,
    "nodejs": _NODE,
    "php": _PHP,
    "php-cgi": _PHP,
    "sh": _SHELL,
    "bash": _SHELL,
    "dash": _SHELL,
    "java": _Grammar(
        words=("-cp", "-classpath", "--class-path", "-p", "--module-path", "--upgrade-module-path", "--add-modules",
               "--limit-modules", "--add-opens", "--add-exports", "--add-reads", "--enable-native-access", "--source",
               "-d", "--describe-module"),
        naming_words=("-jar", "-m", "--module"), clusters=False, name=_JAVA, named=re.compile(
            f"{_JAVA.pattern}|{_FILE.pattern}"),
    ),
}  # fmt: skip
_INTERPRETERS = re.compile(r"(python|perl|ruby|node|nodejs|php|php-cgi|bash|sh|dash|java)[0-9.]*")


def script_of(program: str, arguments: t.Sequence[str]) -> str:
    """Return what an interpreter runs, '' for other programs and where it cannot be told.

    :param program: the path of the executable.
    :param arguments: argv, the program's own name first.
    """
    match = _INTERPRETERS.fullmatch(os.path.basename(program))
    if not match:
        return ""
    grammar = _GRAMMARS[match[1]]
    name, wanted, certain = _name_in(arguments[1:], grammar)
    if len(name) > _LONGEST or not wanted.fullmatch(name):
        return ""
    return name if certain or _SCRIPT.search(name) else ""


def _name_in(words: t.Sequence[str], grammar: _Grammar) -> t.Tuple[str, t.Pattern[str], bool]:
    """Return the word that names what runs ('' for none), what it should look like, and whether it surely is that."""
    rest = iter(words)
    certain = True
    for word in rest:
        if word == "--":
            return next(rest, ""), grammar.name, certain
        if not word.startswith("-") and (grammar.glued or not word.startswith("+")):
            if word.startswith("@") and not grammar.clusters:  # a file with more of Java's arguments
                return "", grammar.name, False
            return word, grammar.name, certain
        what, value = _option(word, grammar)
        if what == "inline":
            return "", grammar.name, False
        if what == "naming":
            return (value or next(rest, "")), grammar.named, certain
        if what == "taking" and not value:
            next(rest, None)
        elif what == "unknown":  # the next word may be its argument
            certain = False
    return "", grammar.name, False


def _option(word: str, grammar: _Grammar) -> t.Tuple[str, str]:
    """Say what an option means for the words behind it, with the argument that stands in its own word."""
    name, equals, value = word.partition("=")
    for what, names in (("inline", grammar.inline_words), ("naming", grammar.naming_words), ("taking", grammar.words)):
        if name in names:
            return what, value if equals else ""
    if word.startswith("--") or not grammar.clusters:
        # A word that says its own value needs no other, nor does one of Java's with a single dash.
        return "flag" if equals or not word.startswith("--") else "unknown", ""
    if word == "-":  # the program comes through the standard input
        return "inline", ""
    if not grammar.glued and set(grammar.inline).intersection(word):
        return "inline", ""
    for place, letter in enumerate(word[1:], 2):
        if letter in grammar.inline:
            return "inline", ""
        for what, letters in (("naming", grammar.naming), ("taking", grammar.taking), ("flag", grammar.holding)):
            if letter in letters:
                return what, word[place:] if grammar.glued else ""
        if letter not in grammar.flags:
            return "unknown", ""
    return "flag", ""


def arguments_of(block: bytes) -> t.List[str]:
    """Return argv from what /proc/PID/cmdline begins with; a process that set a title has one word with blanks."""
    words = block[:MOST_BYTES].rstrip(b"\0").split(b"\0") if block else []
    if len(block) > MOST_BYTES:
        del words[-1]  # it may be half of one
    return [os.fsdecode(word) for word in words]
