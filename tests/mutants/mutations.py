# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small changes to Python code, each of which some test should notice.

Only what does something is changed: no documentation, no annotations, nothing for type checkers.
"""

from __future__ import annotations

import ast
import hashlib
import typing as t

_DOCS = {"DOCUMENTATION", "EXAMPLES", "RETURN", "DOCUMENTATION_FRAGMENT"}
_FOR_TYPES = {"cast", "TypeVar", "NamedTuple", "NewType"}

_COMPARISONS: t.Dict[t.Type[ast.cmpop], t.Tuple[ast.cmpop, ...]] = {
    ast.Eq: (ast.NotEq(),), ast.NotEq: (ast.Eq(),), ast.Is: (ast.IsNot(),), ast.IsNot: (ast.Is(),),
    ast.In: (ast.NotIn(),), ast.NotIn: (ast.In(),), ast.Lt: (ast.LtE(), ast.GtE()), ast.LtE: (ast.Lt(), ast.Gt()),
    ast.Gt: (ast.GtE(), ast.LtE()), ast.GtE: (ast.Gt(), ast.Lt()),
}  # fmt: skip
_ARITHMETIC: t.Dict[t.Type[ast.operator], ast.operator] = {
    ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.FloorDiv: ast.Mult(), ast.Div: ast.Mult(),
    ast.Mod: ast.FloorDiv(), ast.BitAnd: ast.BitOr(), ast.BitOr: ast.BitAnd(), ast.LShift: ast.RShift(),
    ast.RShift: ast.LShift(),
}  # fmt: skip


class Mutant(t.NamedTuple):
    """One change of one file."""

    path: str
    """Below the top of the checkout."""
    kind: str
    scope: str
    """The function that it is in, with its classes; empty on the level of the module or of a class."""
    lines: t.FrozenSet[int]
    """What has to be run for the change to show; in a module or a class all of the file."""
    start: int
    end: int
    """Its place, in characters."""
    new: str

    def apply(self, source: str) -> str:
        return source[: self.start] + self.new + source[self.end :]


def identify(mutant: Mutant, old: str, number: int) -> str:
    """Name a mutant by what it does and not by its line, so that a change elsewhere leaves its name.

    :param number: Which of several with the same old and new text in one function it is.
    """
    said = "\0".join((mutant.path, mutant.kind, mutant.scope, old, mutant.new, str(number)))
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def mutants_of(path: str, source: str) -> t.List[Mutant]:
    """Return every change that can be made to one file, in the order of their places."""
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return sorted(finder.found, key=lambda mutant: (mutant.start, mutant.end, mutant.kind, mutant.new))


class _Finder(ast.NodeVisitor):
    """Walks the code of one file with the knowledge of where it is."""

    def __init__(self, path: str, source: str) -> None:
        self.found: t.List[Mutant] = []
        self._path = path
        self._source = source
        self._bytes = [line.encode() for line in source.splitlines(keepends=True)]
        self._before = [0]
        for line in source.splitlines(keepends=True):
            self._before.append(self._before[-1] + len(line))
        self._scope: t.List[str] = []
        self._function: t.Optional[ast.AST] = None
        self._statement: t.Optional[ast.stmt] = None

    # -------------------------------------------------------------- where it goes

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt):
            self._statement = node
        super().visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, node
        self._scope.append(node.name)
        self._defaults(node.args)
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()
        self._function = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & _DOCS or _is_of_typing(node.value):
            return
        if not names and not isinstance(node.targets[0], (ast.Tuple, ast.List)):
            self._add("statement", node, "pass")
        for target in node.targets:
            self.visit(target)
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return  # documentation
        self._add("statement", node, "pass")
        self.generic_visit(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add("string", node, '""')  # nothing within: the places of its parts are not to be relied on

    # -------------------------------------------------------------- statements

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add("statement", node, "pass")
        self.visit(node.value)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add("raise", node, "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add("statement", node, "pass")

    def visit_Break(self, node: ast.Break) -> None:
        self._add("statement", node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add("return", node, "return None")
            self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return
        self._negate(node.test)
        if not isinstance(node.body[0], (ast.Return, ast.Raise, ast.Continue, ast.Break)):
            self._empty(node.body)
        if node.orelse and not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
            self._empty(node.orelse)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if isinstance(node.type, ast.Tuple) and len(node.type.elts) > 1:
            for left_out in node.type.elts:
                rest = ", ".join(ast.unparse(one) for one in node.type.elts if one is not left_out)
                self._add("except", node.type, f"({rest},)")
        for statement in node.body:
            self.visit(statement)

    # -------------------------------------------------------------- expressions

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._add("condition", condition, "True")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for place, operator in enumerate(node.ops):
            for new in _COMPARISONS[type(operator)]:
                operators = [new if index == place else one for index, one in enumerate(node.ops)]
                self._add("comparison", node, f"({ast.unparse(ast.Compare(node.left, operators, node.comparators))})")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other: ast.boolop = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._add("and, or", node, f"({ast.unparse(ast.BoolOp(other, node.values))})")
        for left_out in node.values:
            rest = [value for value in node.values if value is not left_out]
            only = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
            self._add("operand", node, f"({ast.unparse(only)})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._add("condition", node, f"bool({ast.unparse(node.operand)})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in _ARITHMETIC and not _is_text(node.left) and not _is_text(node.right):
            new = ast.BinOp(node.left, _ARITHMETIC[type(node.op)], node.right)
            self._add("arithmetic", node, f"({ast.unparse(new)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        for kind, new in _others(node.value):
            self._add(kind, node, new)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _FOR_TYPES:
            for argument in node.args[1:]:
                self.visit(argument)
            return
        if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
            self._add("call", node, f"({ast.unparse(node.func.value)})")
        elif len(node.args) == 1 and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp)):
            self._add("call", node, f"({ast.unparse(node.args[0])})")
        for left_out in node.keywords:
            if left_out.arg is not None:
                rest = [one for one in node.keywords if one is not left_out]
                self._add("argument", node, ast.unparse(ast.Call(node.func, node.args, rest)))
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not _is_of_typing(node):
            self.generic_visit(node)

    # -------------------------------------------------------------- changes

    def _negate(self, test: ast.expr) -> None:
        self._add("condition", test, f"(not ({ast.unparse(test)}))")

    def _empty(self, body: t.Sequence[ast.stmt]) -> None:
        start, _end = self._place(body[0])
        _start, end = self._place(body[-1])
        self._put("branch", body[0], start, end, "pass")

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if isinstance(default, ast.Constant):
                for _kind, new in [*_others(default.value), *([("", "0")] if default.value is None else [])]:
                    self._add("default", default, new)
            elif default is not None:
                self._add("default", default, "None")

    def _place(self, node: t.Any) -> t.Tuple[int, int]:
        def offset(line: int, column: int) -> int:
            return self._before[line - 1] + len(self._bytes[line - 1][:column].decode())

        return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)

    def _add(self, kind: str, node: t.Any, new: str) -> None:
        self._put(kind, node, *self._place(node), new)

    def _put(self, kind: str, node: t.Any, start: int, end: int, new: str) -> None:
        if new == self._source[start:end]:
            return
        if self._function is None:
            lines: t.FrozenSet[int] = frozenset(range(1, len(self._bytes) + 1))
        elif kind == "default":
            function = t.cast(ast.FunctionDef, self._function)
            lines = frozenset(range(function.body[0].lineno, (function.end_lineno or 0) + 1))
        else:
            first = self._statement.lineno if self._statement is not None else node.lineno
            lines = frozenset({first, *range(node.lineno, node.end_lineno + 1)})
        scope = ".".join(self._scope) if self._function is not None else ""
        self.found.append(Mutant(self._path, kind, scope, lines, start, end, new))


def _others(value: t.Any) -> t.Iterator[t.Tuple[str, str]]:
    """Yield other values than a constant's, each with the kind of the change."""
    if isinstance(value, bool):
        yield "constant", str(not value)
    elif isinstance(value, (int, float)):
        yield "constant", repr(value + 1)
        yield "constant", f"({value - 1!r})"
    elif isinstance(value, (str, bytes)) and value:
        yield "string", repr(value[:0])


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))


def _is_of_typing(node: ast.AST) -> bool:
    """Tell whether an expression is a type: t.Something[…], which nobody looks into at run time."""
    value = node.value if isinstance(node, ast.Subscript) else None
    return isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "t"
