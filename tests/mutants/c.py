# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mutants of csrc/: SEED=1 COUNT=200 c.py; README.md says what becomes of them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import typing as t
from pathlib import Path

from common import Mutant, Outcome, Stage, Tree, main

TOKEN = re.compile(
    r"""
    (?P<comment>/\*.*?\*/)
    | (?P<directive>^[ ]*\#[ ]*(?!define)(?:[^\n\\]|\\.)*) | (?P<define>^[ ]*\#[ ]*define[ ]+\w+(?:\([^)]*\))?)
    | (?P<string>"(?:[^"\\]|\\.)*") | (?P<char>'(?:[^'\\]|\\.)+') | (?P<number>\b(?:0x[0-9a-fA-F]+|\d+)[uUlL]*\b)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<op><<=|>>=|\.\.\.|->|\+\+|--|[-+*/%&|^!=<>]=|&&|\|\||<<|>>|[-+*/%&|^!~=<>?:;,.(){}\[\]\#\\])
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)  # fmt: skip
# Between blanks they have two operands, as the code is written here; a prefix has none behind it.
BINARY = {
    "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<="), "==": ("!=",), "!=": ("==",),
    "&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("*",), "+=": ("-=",),
    "-=": ("+=",), "<<": (">>",), ">>": ("<<",), "&": ("|",), "|": ("&",), "^": ("|",),
}  # fmt: skip
TWINS = {"++": "--", "--": "++", "true": "false", "false": "true"}
NO_STATEMENT = {"if", "for", "while", "do", "switch", "case", "default", "else", "const", "static", "struct", "union",
                "enum", "typedef", "register", "extern", "unsigned", "goto", ";", "{", "}"}  # fmt: skip
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Token(t.NamedTuple):
    """A piece of code; comments and directives are none."""

    kind: str
    text: str
    start: int
    end: int


class Code:
    """The tokens of one file, and every change of them that can be drawn."""

    def __init__(self, path: str, source: str) -> None:
        self.path, self.source = path, source
        self.tokens = [
            Token(str(found.lastgroup), found.group(), *found.span())
            for found in TOKEN.finditer(source)
            if found.lastgroup not in ("comment", "directive") and found.group() not in ("\\", "#")
        ]
        self.partner: dict[int, int] = {}
        opened: list[int] = []
        for at, token in enumerate(self.tokens):
            if token.text in CLOSING:
                opened.append(at)
            elif token.text in CLOSING.values() and opened:
                self.partner[opened.pop()] = at
        self.bodies = [
            (at, self.partner[at])
            for at, token in enumerate(self.tokens)
            if token.text == "{" and at in self.partner and at > 0 and self.tokens[at - 1].text == ")"
        ]

    def mutants(self) -> t.Iterator[Mutant]:
        for at, token in enumerate(self.tokens):
            yield from self._of_token(token)
            yield from self._of_condition(at)
            yield from self._of_statement(at)
            yield from self._of_return(at)
            yield from self._of_arguments(at)

    def _replace(self, start: int, end: int, text: str) -> Mutant:
        return Mutant(self.path, start, end, text)

    def _of_token(self, token: Token) -> t.Iterator[Mutant]:
        spaced = all(self.source[at : at + 1].isspace() for at in (token.start - 1, token.end))
        replacements: t.Sequence[str] = ()
        if token.kind == "op" and spaced:
            replacements = BINARY.get(token.text, ())
        if token.text in TWINS:
            replacements = (TWINS[token.text],)
        if token.text == "!":
            replacements = ("",)
        if token.kind == "number":
            digits = token.text.rstrip("uUlL")
            octal = len(digits) > 1 and digits.isdigit() and digits.startswith("0")
            suffix, value = token.text[len(digits) :], int(digits, 8 if octal else 0)
            replacements = [f"{value + 1}{suffix}", *([f"{value - 1}{suffix}"] if value > 0 else [])]
        if token.kind == "char" and len(token.text) == 3 and chr(ord(token.text[1]) + 1) not in "'\\":
            replacements = (f"'{chr(ord(token.text[1]) + 1)}'",)
        for text in replacements:
            yield self._replace(token.start, token.end, text)

    def _text(self, first: int, last: int) -> str:
        """The source from one token up to another, both included."""
        return self.source[self.tokens[first].start : self.tokens[last].end]

    def _of_condition(self, at: int) -> t.Iterator[Mutant]:
        if self.tokens[at].text in ("if", "while") and at + 1 in self.partner:
            end = self.partner[at + 1]
            inner = self._text(at + 2, end - 1)
            yield self._replace(self.tokens[at + 1].start, self.tokens[end].end, f"(!({inner}))")

    def _statement(self, at: int) -> t.Optional[int]:
        """The ; of the statement that begins at a token, if one does."""
        before, first = self.tokens[at - 1].text if at else "", self.tokens[at]
        inside = any(start < at < end for start, end in self.bodies)
        if not inside or before not in (";", "{", "}", ")", "else", ":") or first.text in NO_STATEMENT:
            return None
        if any(start < at < end for start, end in self.partner.items() if self.tokens[start].text in "(["):
            return None
        if first.kind == "word" and self.tokens[at + 1].kind == "word" and first.text != "return":
            return None
        if first.kind != "word" and first.text not in ("*", "(", "++", "--"):
            return None
        depth = at
        while depth < len(self.tokens) and self.tokens[depth].text != ";":
            depth = self.partner.get(depth, depth) + 1
        return depth if depth < len(self.tokens) else None

    def _of_statement(self, at: int) -> t.Iterator[Mutant]:
        end = self._statement(at)
        if end is None:
            return
        last_of_body = end + 1 in {closing for _start, closing in self.bodies}
        if self.tokens[at].text != "return" or not last_of_body:
            yield self._replace(self.tokens[at].start, self.tokens[end].end, ";")

    def _of_return(self, at: int) -> t.Iterator[Mutant]:
        if self.tokens[at].text != "return":
            return
        end = self._statement(at)
        if end is None or end == at + 1:
            return
        value = self._text(at + 1, end - 1)
        for text in ("0" if value != "0" else "1", f"!({value})"):
            yield self._replace(self.tokens[at + 1].start, self.tokens[end - 1].end, text)

    def _of_arguments(self, at: int) -> t.Iterator[Mutant]:
        called = at > 0 and self.tokens[at].text == "(" and at in self.partner and self.tokens[at - 1].kind == "word"
        if not called or (self.tokens[at - 1].text in ("if", "for", "while", "switch", "sizeof", "__attribute__")):
            return
        in_body = any(start < at < end for start, end in self.bodies)
        if not in_body and self.tokens[at - 1].text != "X":  # a declaration, but for the rows of the tables
            return
        borders, place = [at], at + 1
        while place < self.partner[at]:
            if self.tokens[place].text == ",":
                borders.append(place)
            place = self.partner.get(place, place) + 1
        borders.append(self.partner[at])
        parts = [(one + 1, two - 1) for one, two in zip(borders, borders[1:])]
        for (first, end), (second, last) in zip(parts, parts[1:]):
            if self._text(first, end) != self._text(second, last):
                between = self.source[self.tokens[end].end : self.tokens[second].start]
                swapped = self._text(second, last) + between + self._text(first, end)
                yield self._replace(self.tokens[first].start, self.tokens[last].end, swapped)


PROMPT = ("test_preload.py", "test_transparent.py", "test_options_table.py")
FILE = ("test_settings.py", "test_settings_parts.py")
ROOMS = [f"tests/unit/plugins/module_utils/{room}" for room in ("sockets", "live")]
# Which tests kill most of a file's mutants; all others of tests/csrc follow, where nothing else is said.
FAST: dict[str, tuple[str, ...]] = {
    "options": (*PROMPT[::2], "test_options.py"), "settings": FILE, "self": FILE, "match": FILE[::-1], "lines": FILE,
    "debug": (*PROMPT, "test_options.py"), "process": (*PROMPT, "test_early.py", "test_settings.py"),
    "apply": ("test_gating.py", *PROMPT, "test_options.py"), "real": (*PROMPT[:2], "test_loader.py", "test_limits.py"),
    "loader": ("test_loader.py", *PROMPT[:2], "test_early.py"), "keepalive": (*PROMPT, *FILE, "test_options.py"),
    "sys": (*PROMPT, "test_gating.py", "test_inspect.py", "test_settings.py"),
}  # fmt: skip
HOOKS = ("test_gating.py", *PROMPT[:2])
WATCHDOG = ("test_watchdog.py", "test_watchdog_failures.py")
# They judge how the text is written, not what the code does.
NOT_OF_BEHAVIOUR = ("no_warnings", "cppcheck", "reproducible", "stays_out_of_git", "install_replaces")
WITHOUT = ("-k", " and ".join(f"not {name}" for name in NOT_OF_BEHAVIOUR))
SLOW = ("test_fuzz.py", "test_sanitizers.py", "test_build.py")


class C:
    """csrc/*.c and *.h, with the tests in tests/csrc, and those of the collection for what only it calls."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.objects: dict[str, str] = {}

    def candidates(self, root: Path) -> list[Mutant]:
        found: dict[Mutant, None] = {}
        for file in sorted((root / "csrc").glob("*.[ch]")):
            source = file.read_text(encoding="utf-8")
            found.update(dict.fromkeys(Code(f"csrc/{file.name}", source).mutants()))
        return list(found)

    def prepare(self, tree: Tree) -> None:
        for test in (tree.root / "tests" / "csrc").glob("*.py"):
            text = test.read_text(encoding="utf-8")
            test.write_text(text.replace("-Werror", "-Wno-error"), encoding="utf-8")
        names = [file.stem for file in (tree.root / "csrc").glob("*.c")]
        self.names = sorted("keepalive-watchdog" if name == "keepalive_watchdog" else f"{name}.o" for name in names)
        self.objects = self._compiled(tree, self.names) or {}
        assert self.objects, "the original does not compile"

    def _compiled(self, tree: Tree, names: list[str]) -> t.Optional[dict[str, str]]:
        """Object → checksum; None where something does not compile."""
        build = tree.root / "csrc" / "build"
        targets = [f"{build}/{name}" for name in names]
        # All that is asked for: make compares times, and a file that was put back has a new one.
        command = ["make", "-s", "-B", "-C", str(tree.root / "csrc"), "CC=gcc", f"BUILD={build}", *targets]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            return None
        return {name: hashlib.sha256((build / name).read_bytes()).hexdigest() for name in names}

    def judge(self, tree: Tree, path: str) -> t.Optional[Outcome]:
        stem = Path(path).stem
        name = "keepalive-watchdog" if stem == "keepalive_watchdog" else f"{stem}.o"
        compiled = self._compiled(tree, [name] if path.endswith(".c") else self.names)
        if compiled is None:
            return Outcome("refused")
        return Outcome("same") if all(compiled[name] == self.objects[name] for name in compiled) else None

    def stages(self, path: str) -> list[Stage]:
        stem = Path(path).stem
        first, second = self._tests(stem)
        if stem == "keepalive_watchdog" or "bpf" in stem:
            return [Stage((*first, "-k", "static"), 150), Stage((*second, *WITHOUT), 900)]
        return [Stage((*first, *WITHOUT), 150), Stage((*second, *WITHOUT), 900)]

    def _tests(self, stem: str) -> tuple[list[str], list[str]]:
        if stem == "keepalive_watchdog":
            return _below(WATCHDOG), _below(WATCHDOG)
        if "bpf" in stem:
            return _below(["test_bpf.py"]), _below(["test_bpf.py"])
        if "inspect" in stem:
            return _below(["test_inspect.py"]), ROOMS
        fast = FAST.get(stem, HOOKS)
        others = sorted(file.name for file in Path(__file__).parents[1].glob("csrc/test_*.py"))
        others = [name for name in others if name not in (*fast, *SLOW, *WATCHDOG)] + list(SLOW)
        return _below(fast), _below(others) + (ROOMS if stem == "sys" else [])


def _below(names: t.Iterable[str]) -> list[str]:
    return [f"tests/csrc/{name}" for name in names]


if __name__ == "__main__":
    sys.exit(main(C(), "c"))
