"""The rules' expression language: a small part of Python's expressions, parsed by its own parser, never executed.

    income_per_head < dibao_standard
    any_member(1 <= disability_level <= 2 or (disability_level == 3 and disability_kind in ["intellectual", "mental"]))
    800 if age >= 100 else 100 if age >= 90 else 0

Allowed: names, figures, texts in quotes, lists of texts, + - * /, comparisons (also chained), in, and, or, not,
x if c else y, and the functions of FUNCTIONS. `scheme("id")` is that scheme's outcome. A date is its day's number, so
dates can be compared and subtracted (in days); `today` is the day of the assessment.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

Kind = Literal["number", "symbol", "truth"]
# What may stand for a member's facts: the function's argument is evaluated once for each member of the household.
OVER_MEMBERS: dict[str, Kind] = {
    "any_member": "truth", "all_members": "truth", "count_members": "truth", "sum_members": "number",
}  # fmt: skip
ONE_NUMBER = ("abs", "floor", "ceil")
FUNCTIONS = (*OVER_MEMBERS, "scheme", "min", "max", *ONE_NUMBER)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


class ExpressionError(Exception):
    """An expression that is not of the language; the message says what and, where it can, how to write it."""


@lru_cache(maxsize=4096)
def parse(text: str) -> ast.expr:
    """The expression's tree.

    Raises:
        ExpressionError: it cannot be read.
    """
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"cannot be read: {error.msg}") from None


def name_of(node: ast.expr) -> str | None:
    """A name, also one with a dot (`pension.tier`); None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := name_of(node.value)) is not None:
        return f"{base}.{node.attr}"
    return None


def texts_of(node: ast.expr) -> frozenset[str] | None:
    """The texts of a quoted text or a list of them."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return frozenset({node.value})
    if isinstance(node, ast.List | ast.Tuple):
        parts = [texts_of(item) for item in node.elts]
        if all(part is not None and len(part) == 1 for part in parts):
            return frozenset().union(*(part for part in parts if part is not None))
    return None


class Checker:
    """Checks names and kinds of an expression before it is ever evaluated.

    `kind_of(name, in_member)` gives a name's kind and raises ExpressionError for one that is not known there;
    `choices_of(name)` gives a choice's allowed values.
    """

    def __init__(
        self,
        kind_of: Callable[[str, bool], Kind],
        choices_of: Callable[[str], frozenset[str]],
        schemes: frozenset[str],
    ) -> None:
        self._kind_of = kind_of
        self._choices_of = choices_of
        self._schemes = schemes

    def check(self, text: str, expected: Kind, *, in_member: bool = False) -> None:
        """Raises ExpressionError unless `text` is of the language and of the expected kind."""
        found = self._kind(parse(text), in_member)
        if found != expected:
            raise ExpressionError(f"gives a {found}, a {expected} is wanted: {text}")

    def infer(self, text: str, *, in_member: bool) -> Kind:
        """The kind of an expression; raises ExpressionError when it is not of the language."""
        return self._kind(parse(text), in_member)

    def _kind(self, node: ast.expr, member: bool) -> Kind:
        if (name := name_of(node)) is not None:
            return self._kind_of(name, member)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, bool):
                return "truth"
            if isinstance(node.value, str):
                return "symbol"
            if isinstance(node.value, int | float):
                return "number"
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self._want(part, "truth", member)
            return "truth"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
            kind: Kind = "truth" if isinstance(node.op, ast.Not) else "number"
            self._want(node.operand, kind, member)
            return kind
        if isinstance(node, ast.BinOp) and isinstance(node.op, _ARITHMETIC):
            self._want(node.left, "number", member)
            self._want(node.right, "number", member)
            return "number"
        if isinstance(node, ast.IfExp):
            self._want(node.test, "truth", member)
            kind = self._kind(node.body, member)
            self._want(node.orelse, kind, member)
            return kind
        if isinstance(node, ast.Compare):
            return self._comparison(node, member)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, node.args, member)
        raise ExpressionError(f"not part of the rules' language: {ast.unparse(node)}")

    def _want(self, node: ast.expr, kind: Kind, member: bool) -> None:
        found = self._kind(node, member)
        if found != kind:
            raise ExpressionError(f"{ast.unparse(node)} is a {found}, a {kind} is wanted")

    def _comparison(self, node: ast.Compare, member: bool) -> Kind:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                self._want(left, "symbol", member)
                self._texts(left, right)
            elif isinstance(op, _ORDER):
                self._want(left, "number", member)
                self._want(right, "number", member)
            elif isinstance(op, ast.Eq | ast.NotEq):
                self._want(right, self._kind(left, member), member)
                if texts_of(right) is not None:
                    self._texts(left, right)
            else:
                raise ExpressionError(f"not part of the rules' language: {ast.unparse(node)}")
            left = right
        return "truth"

    def _texts(self, left: ast.expr, right: ast.expr) -> None:
        texts, name = texts_of(right), name_of(left)
        if texts is None or name is None:
            raise ExpressionError(
                f"write a fact and quoted texts: {ast.unparse(left)} in {ast.unparse(right)}"
            )
        wrong = texts - self._choices_of(name)
        if wrong:
            allowed = ", ".join(sorted(self._choices_of(name)))
            raise ExpressionError(f"{sorted(wrong)[0]!r} is no answer to {name}; there are: {allowed}")

    def _call(self, function: str, args: list[ast.expr], member: bool) -> Kind:
        if function in OVER_MEMBERS and len(args) == 1:
            self._want(args[0], OVER_MEMBERS[function], True)
            return "number" if function in {"count_members", "sum_members"} else "truth"
        if function == "scheme" and len(args) == 1:
            texts = texts_of(args[0])
            if texts is None or not texts <= self._schemes:
                raise ExpressionError(f"no such scheme: {ast.unparse(args[0])}")
            return "truth"
        if (function in {"min", "max"} and len(args) > 1) or (function in ONE_NUMBER and len(args) == 1):
            for arg in args:
                self._want(arg, "number", member)
            return "number"
        raise ExpressionError(
            f"no function {function} with {len(args)} values; there are: {', '.join(FUNCTIONS)}"
        )


def names_in(text: str) -> frozenset[str]:
    """Every name an expression uses, functions left out."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.expr) and (name := name_of(node)) is not None:
            found.add(name)
            return
        for child in ast.iter_child_nodes(node):
            if not (isinstance(node, ast.Call) and child is node.func):
                walk(child)

    walk(parse(text))
    return frozenset(found)


def schemes_in(text: str) -> frozenset[str]:
    """Ids of the schemes an expression refers to."""
    found: set[str] = set()
    for node in ast.walk(parse(text)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "scheme"
            and node.args
        ):
            found |= texts_of(node.args[0]) or frozenset()
    return frozenset(found)
