"""Estimate from a statement's tokens how deep its parse tree would be.

libpg_query overruns the C stack if a tree is too deep. The estimate is never too low. PostgreSQL's own limit
(`max_stack_depth`) is near this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsapi_nb.script.tokens import (
    CLOSE,
    DEEPENING,
    END,
    JOINING,
    OPEN,
    SEPARATING,
    SqlSyntaxError,
    SyntaxProblem,
    Tokens,
)

_DEEPEST = 5000
_NESTED = 50  # parentheses within one another that are counted one by one
_FLAT = bytes(set(range(256)) - set(OPEN + CLOSE + SEPARATING + DEEPENING + JOINING))


@dataclass(slots=True)
class _Level:
    """The counts between two parentheses: the depth of an expression, the deepest one so far, and joins."""

    depth: int = 0
    deepest: int = 0
    joins: int = 0

    def total(self) -> int:
        return max(self.depth, self.deepest) + self.joins


def refuse_depth(tokens: Tokens, first: int, last: int) -> None:
    """Refuse statements with trees so deep that libpg_query would overrun the C stack and end Python.

    Args:
        tokens: The tokens of a text.
        first: The first token that is looked at.
        last: The token after the last one.

    Raises:
        SqlSyntaxError: A statement of these tokens would have such a tree.
    """
    while last - first > _DEEPEST:  # a tree is at most as deep as its statement has tokens
        stop = tokens.sorts.rfind(END, first, first + _DEEPEST + 1)  # the statements up to there are short enough
        if stop < 0:
            semicolon = tokens.sorts.find(END, first, last)
            stop = semicolon if semicolon >= 0 else last
            if _may_be_deep(tokens.sorts[first:stop]):
                _measure(tokens, first, stop)
        first = stop + 1


def _may_be_deep(sorts: bytearray) -> bool:
    """Return whether a statement has enough operators, joins and nested parentheses for a deep tree."""
    left = sorts.translate(None, _FLAT)
    nested, parentheses = 0, left.translate(None, SEPARATING + DEEPENING + JOINING)
    while nested < _NESTED and (outer := parentheses.replace(OPEN + CLOSE, b"")) != parentheses:
        nested, parentheses = nested + 1, outer
    nested += parentheses.count(OPEN)
    return left.count(DEEPENING) + left.count(JOINING) + nested > _DEEPEST


def _measure(tokens: Tokens, first: int, last: int) -> None:
    """Raise SqlSyntaxError at the token that makes the statement of these tokens too deep."""
    levels = [_Level()]
    for index in range(first, last):
        sort = tokens.sorts[index : index + 1]
        level = levels[-1]
        if sort == OPEN:
            levels.append(_Level())
        elif sort == CLOSE and len(levels) > 1:
            inner = levels.pop().total()
            levels[-1].depth = max(levels[-1].depth, inner + 1)
        elif sort == SEPARATING:
            level.depth, level.deepest = 0, max(level.depth, level.deepest)
        else:
            level.depth += sort == DEEPENING
            level.joins += sort == JOINING
        if levels[-1].total() > _DEEPEST:
            message = f"more than {_DEEPEST} operators, joins or parentheses build on one another"
            raise SqlSyntaxError(SyntaxProblem(message, tokens.starts[index]))
