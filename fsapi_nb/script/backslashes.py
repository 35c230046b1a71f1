r"""Find strings whose end depends on `SET standard_conforming_strings = off`: `'It\'s'`.

The scanner reads strings by the standard, in which a backslash is an ordinary character. In a file that switches that
off and escapes a quote with a backslash, the scanner finds other statements than the server.
"""

from __future__ import annotations

import bisect
import re

from fsapi_nb.script.lexer import Lexed
from fsapi_nb.script.tokens import COMMENTS, TEXT, SyntaxProblem

_NAME = b"standard_conforming_strings"
_OFF = frozenset({b"off", b"false", b"0", b"no"})
_ESCAPED = re.compile(rb"'(?:[^\\]|\\.)*\\'", re.DOTALL)  # an odd number of backslashes before the closing quote


def find_escaped_quote(lexed: Lexed, first: int, last: int) -> SyntaxProblem | None:
    """Return the first string among these tokens whose end depends on the setting; None if there is none.

    It counts only after the tokens have switched the setting off.
    """
    places = (lexed.code.find(name) for name in (_NAME, _NAME.upper()))
    place = min((each for each in places if each >= 0), default=-1)
    if place < 0:
        return None
    tokens = lexed.tokens
    solid = [index for index in range(first, last) if tokens.sorts[index] not in COMMENTS]
    off = False
    for number in range(bisect.bisect_left(solid, place, key=tokens.ends.__getitem__), len(solid)):
        words = [_word(lexed, index) for index in solid[number : number + 3]]
        if words[0].lower() == _NAME and len(words) == 3:
            off = words[2].lower() in _OFF
        elif off and tokens.sorts[solid[number]] == TEXT[0] and _ESCAPED.fullmatch(_written(lexed, solid[number])):
            message = "a backslash before a quote, after SET standard_conforming_strings = off"
            hint = "remove the SET, and write '' for a quote in a string; or E'...' for one with backslashes."
            return SyntaxProblem(message, tokens.starts[solid[number]], hint)
    return None


def _written(lexed: Lexed, index: int) -> bytes:
    return lexed.code[lexed.tokens.starts[index] : lexed.tokens.ends[index]]


def _word(lexed: Lexed, index: int) -> bytes:
    return _written(lexed, index).strip(b"'\"")
