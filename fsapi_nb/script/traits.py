"""All that is asked of one statement, by one look at it: at its tree, or at its first words where those say it all.

A tree costs ten times what it costs to know that the text is sound, and there is nothing to be learnt from that of an
INSERT. PostgreSQL's parser has taken the statement before anybody looks at its words.
"""

from __future__ import annotations

import re
from typing import Any

from fsapi_nb.model.migration import Traits
from fsapi_nb.script import classify
from fsapi_nb.script.effects import effect_of
from fsapi_nb.script.losses import losses, lost
from fsapi_nb.script.parser import parse_one
from fsapi_nb.script.procedures import procedure_of
from fsapi_nb.script.tokens import AS, CLOSE, COMMENTS, OPEN, Tokens

# Words with which a statement begins that is only this kind, whatever follows: in a transaction block like any other,
# and nothing else is asked of it. The grammar has no other statement that begins so; None stands for any other word.
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
# What most DOWNs are: tables by names that are written as PostgreSQL keeps them.
_NAME = rb"(?-i:[a-z_][a-z0-9_]{0,62})"
_NAMES = rb"%b(?:\.%b)*" % (_NAME, _NAME)
_DROPPED = re.compile(
    rb"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(%b(?:\s*,\s*%b)*)(?:\s+(?:CASCADE|RESTRICT))?" % (_NAMES, _NAMES),
    re.IGNORECASE,
)


def meaning_of(text: bytes, tokens: Tokens, first: int, last: int) -> Traits:
    """What the statement is that the tokens from `first` up to `last` are."""
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
    return _dropped(statement) or _read(parse_one(statement), statement)


def _dropped(statement: bytes) -> Traits | None:
    """What a plain DROP TABLE is, whose names are what the tree would say; None for any other statement."""
    match = _DROPPED.fullmatch(statement)
    if match is None:
        return None
    names = match[1].decode().split(",")
    return Traits("DROP TABLE", loses=tuple(lost("table", name.strip()) for name in names))


def _is_filled(sorts: bytearray) -> bool:
    """Whether a CREATE TABLE may have a query (`AS`), by the sorts of its tokens: in parentheses, the word is a column's."""
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
        loses=losses(named),
        adds_enum_value=classify.enum_value(named),
        creates_schema=classify.created_schema(named),
        begin_options=classify.begin_options(named),
        changes_session=classify.changes_session(named),
        refusal=classify.unsupported(named),
        lacks_data=classify.lacks_data(named),
        procedure=procedure_of(named, statement.decode()),
    )
