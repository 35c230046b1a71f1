"""Read the traits of a statement from its parse tree, or from its first words if these decide them.

The words are tokens of PostgreSQL's scanner, and its parser has accepted the statement before they are looked at. They
are used because a tree in Python costs more than all the rest of reading: without them, reading 1,000 small files takes
1.85 times as long, and INSERTs 2.7 times (docs/speed.md). tests/script/test_traits.py compares both ways.
"""

from __future__ import annotations

from typing import Any

from fsapi_nb.model.migration import Traits
from fsapi_nb.script import classify
from fsapi_nb.script.effects import effect_of
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.procedures import procedure_of
from fsapi_nb.script.tokens import AS, CLOSE, COMMENTS, OPEN, Tokens

# First words that decide the traits of a statement, whatever follows: it is allowed in a transaction block, and has no
# other trait. The grammar has no other statement that begins with them. None is any other word.
_Words = dict[bytes | None, Any]
_TABLE = Traits("CREATE TABLE")
_INDEX: _Words = {None: Traits("CREATE INDEX"), b"CONCURRENTLY": None}
_REPLACED: _Words = {
    b"FUNCTION": Traits("CREATE FUNCTION"),
    b"TRIGGER": Traits("CREATE TRIGGER"),
    b"VIEW": Traits("CREATE VIEW"),
}
_OPENINGS: _Words = {
    b"COMMENT": Traits("COMMENT"),
    b"CREATE": {
        b"INDEX": _INDEX,
        b"OR": {b"REPLACE": _REPLACED},
        b"TABLE": _TABLE,
        b"UNIQUE": {b"INDEX": _INDEX},
        **_REPLACED,
    },
    b"INSERT": Traits("INSERT"),
    b"UPDATE": Traits("UPDATE"),
}


def traits_of(text: bytes, tokens: Tokens, first: int, last: int) -> Traits:
    """Return the traits of the statement whose tokens are those from `first` up to `last`.

    Args:
        text: The text of the tokens. PostgreSQL's parser has accepted the statement.
        tokens: The tokens of the text.
        first: The first token of the statement.
        last: The token after its last one.
    """
    words: Any = _OPENINGS
    for index in range(first, last):
        if tokens.sorts[index] in COMMENTS:
            continue
        words = words.get(text[tokens.starts[index] : tokens.ends[index]].upper(), words.get(None))
        if words is None:
            break
        if isinstance(words, Traits):
            if words is _TABLE and _is_filled(tokens.sorts[first:last]):
                break
            return words
    statement = text[tokens.starts[first] : tokens.ends[last - 1]]
    return _read(parse_one(statement), statement)


def _is_filled(sorts: bytearray) -> bool:
    """Return whether a CREATE TABLE may have a query: an `AS` outside of parentheses.

    Inside of them it belongs to a column.
    """
    index = sorts.find(AS)
    while index >= 0 and sorts.count(OPEN, 0, index) > sorts.count(CLOSE, 0, index):
        index = sorts.find(AS, index + 1)
    return index >= 0


def _read(tree: Any, statement: bytes) -> Traits:
    named = classify.node_of(tree)
    return Traits(
        kind=classify.kind_of(named),
        rule=classify.rule_of(named),
        effect=effect_of(named),
        adds_enum_value=classify.enum_value(named),
        creates_schema=classify.created_schema(named),
        begin_options=classify.begin_options(named),
        changes_session=classify.changes_session(named),
        refusal=classify.unsupported(named),
        lacks_data=classify.lacks_data(named),
        procedure=procedure_of(named, statement.decode()),
    )
