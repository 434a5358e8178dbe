"""Arithmetic expressions from a configuration file, as functions of draws.

An expression is parsed, and compiled from its syntax tree node by node; nothing of it is ever handed to ``eval``.
Allowed are numbers, quantities of :data:`hwpredict.decision.outcomes.QUANTITIES`, ``+ - * / **``, comparisons (1 or 0),
``and``, ``or``, ``not``, ``a if b else c``, and the functions of :data:`FUNCTIONS`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hwpredict.decision.outcomes import QUANTITIES
from hwpredict.errors import InvalidWorkloadError, unknown

type Evaluate = Callable[[Mapping[str, Any]], Any]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
#: Longest expression, characters: nobody writes a longer one by hand, and the parser's stack is finite.
MAX_LENGTH = 1_000


def compile_expression(text: str) -> tuple[Evaluate, frozenset[str]]:
    """Compile an expression.

    Parameters
    ----------
    text : str
        Such as ``"log(throughput) - 0.3 * log(price)"``.

    Returns
    -------
    evaluate : callable
        From a mapping of quantities (NumPy arrays or xarray objects) to the value, dims kept.
    names : frozenset of str
        Quantities that it reads.

    Raises
    ------
    InvalidWorkloadError
        A syntax that is not allowed; the message quotes it.
    UnknownNameError
        A quantity or function that does not exist.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidWorkloadError(f"the expression has {len(text)} characters; at most {MAX_LENGTH} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise InvalidWorkloadError(f"cannot read the expression {text!r} ({reason}): write arithmetic, e.g. "
                                   "'log(throughput) - 0.3 * log(price)'") from None  # fmt: skip
    names: set[str] = set()
    try:
        evaluate = _node(tree.body, text, names)
    except RecursionError:
        raise InvalidWorkloadError("the expression is nested too deeply: write it with fewer brackets") from None
    if not names:
        raise InvalidWorkloadError(f"the expression {text!r} names no quantity; known: {', '.join(QUANTITIES)}")
    return evaluate, frozenset(names)


def _node(node: ast.expr, text: str, names: set[str]) -> Evaluate:
    match node:
        case ast.Constant(value=bool() | int() | float() as value):
            number = float(value)
            return lambda _: number
        case ast.Name(id=name):
            if name not in QUANTITIES:
                raise unknown("quantity", name, QUANTITIES)
            names.add(name)
            return operator.itemgetter(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _pair(_BINARY[type(op)], _node(left, text, names), _node(right, text, names))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _node(operand, text, names)
            return lambda q: -inner(q)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _node(operand, text, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _node(operand, text, names)
            return lambda q: 1.0 - (inner(q) != 0)
        case ast.Compare() | ast.BoolOp() | ast.IfExp():
            return _logic(node, text, names)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(name, [_node(a, text, names) for a in arguments])
    quoted = ast.get_source_segment(text.strip(), node) or type(node).__name__
    raise InvalidWorkloadError(
        f"{quoted!r} is not allowed in an expression: write numbers, quantities, + - * / **, comparisons and "
        f"{', '.join(FUNCTIONS)}"
    )


def _pair(f: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda q: f(left(q), right(q))


def _logic(node: ast.Compare | ast.BoolOp | ast.IfExp, text: str, names: set[str]) -> Evaluate:
    """Comparisons and their combinations as 1 or 0, draw by draw."""
    if isinstance(node, ast.IfExp):
        test, yes, no = (_node(n, text, names) for n in (node.test, node.body, node.orelse))
        # selects by arithmetic, not by np.where, so that labelled arrays stay labelled
        return lambda q: (t := 1.0 * (test(q) != 0)) * yes(q) + (1.0 - t) * no(q)
    if isinstance(node, ast.BoolOp):
        parts = [_node(n, text, names) for n in node.values]
        reduce = np.minimum if isinstance(node.op, ast.And) else np.maximum

        def combined(q: Mapping[str, Any]) -> Any:
            out = 1.0 * (parts[0](q) != 0)
            for part in parts[1:]:
                out = reduce(out, 1.0 * (part(q) != 0))
            return out

        return combined
    if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARE:
        raise InvalidWorkloadError(f"cannot read the comparison in {text!r}: compare two figures with < <= > >= == !=")
    compare = _pair(_COMPARE[type(node.ops[0])], _node(node.left, text, names), _node(node.comparators[0], text, names))
    return lambda q: 1.0 * compare(q)


def _call(name: str, arguments: list[Evaluate]) -> Evaluate:
    if name not in FUNCTIONS:
        raise unknown("function", name, FUNCTIONS)
    function, expected = FUNCTIONS[name], 2 if name in ("min", "max") else 1
    if len(arguments) != expected:
        raise InvalidWorkloadError(f"{name}() takes {expected} argument{'s' * (expected > 1)}, not {len(arguments)}")
    return lambda q: function(*(a(q) for a in arguments))
