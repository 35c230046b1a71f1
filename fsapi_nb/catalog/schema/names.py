"""Find what a name or a pattern means among the objects of a database. Pure.

A name is one as it is (`orders`, `audit.orders`), as SQL writes it (`"Order lines"`), or a routine's with its arguments
(`add_tax(numeric)`); if nothing is called exactly that, upper and lower case are the same. A text with `*` (any
characters) or `?` (any one) is a pattern as psql reads it (`catalog.pattern`); upper and lower case are the same if
nothing has exactly those letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from fsapi_nb.catalog.pattern import NamePattern, read_pattern
from fsapi_nb.catalog.schema.overview import ROUTINES, Overview, SchemaObject, rank
from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.text.command import Advice, Command, command
from fsapi_nb.text.near import near
from fsapi_nb.text.words import counted

_NAMED = 5  # names in a message
_LONGER = 3  # how many letters a slip may add or leave out
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern, and not a name."""
    return "*" in text or "?" in text


def matching(overview: Overview, text: str) -> tuple[SchemaObject, ...]:
    """Return the objects that a pattern means; those of extensions only if it means nothing else.

    A schema counts as all that is in it. Raises UsageError if it is not a pattern.
    """
    pattern = read_pattern(text)
    known = [each for each in overview.objects if not each.is_history]
    found = [each for each in known if _matches(each, pattern)] or [
        each for each in known if _matches(each, pattern, fold=True)
    ]
    return tuple(each for each in found if each.extension is None) or tuple(found)


def _matches(item: SchemaObject, pattern: NamePattern, *, fold: bool = False) -> bool:
    flags = re.DOTALL | (re.IGNORECASE if fold else 0)
    if item.kind == "schema":
        return (
            pattern.schema is not None and pattern.name == "^(.*)$" and bool(re.match(pattern.schema, item.name, flags))
        )
    if pattern.schema is not None and not re.match(pattern.schema, item.schema or "", flags):
        return False
    return bool(re.match(pattern.name, item.name, flags))


def possible_names(text: str) -> frozenset[str]:
    """Return what the object that a text names may be called alone: all that `find` would take, but for other letters."""
    plain = _QUOTED.sub(lambda quoted: quoted[1].replace('""', '"'), text)
    whole = {form for each in (text, plain) for form in (each, each.partition("(")[0])}
    return frozenset(form[place:] for form in whole for place in _starts(form))


def _starts(text: str) -> Iterator[int]:
    """Yield where a name without its schema may begin: a name may have dots, too."""
    yield 0
    yield from (place + 1 for place, letter in enumerate(text) if letter == ".")


def find(overview: Overview, name: str, kind: str | None = None) -> tuple[SchemaObject, ...]:
    """Return the object that a name means: one, or the routines that share it.

    Among objects of one name the search_path decides, as it does in SQL. Raises UsageError if there is none, or if
    there are others beside it that the name may mean as well.
    """
    known = [each for each in overview.objects if is_of(each, kind)]
    found = _called_exactly(name, known) or _called_like(name, known)
    own = [each for each in found if each.extension is None] or found
    visible = _first_in_path(own, overview.path)
    if (
        len(
            {(each.kind in ROUTINES, each.schema, each.name if each.kind in ROUTINES else each.oid) for each in visible}
        )
        > 1
    ):
        raise _ambiguous(name, visible)
    if not visible:
        raise _unknown(name, known, kind)
    return tuple(visible)


def is_of(item: SchemaObject, kind: str | None) -> bool:
    """Return whether an object is of a kind, or any kind counts; a materialized view is a view, too."""
    return kind is None or item.kind == kind or (kind == "view" and item.kind == "materialized view")


def page_of(item: SchemaObject) -> Command:
    """Return the command that shows an object, and no other."""
    if item.kind == "schema":
        return command("schema", f"{item.name}.*")
    return command("schema", item.called)


def _names(item: SchemaObject) -> Iterable[str]:
    """Yield every text that means an object exactly."""
    yield item.name
    yield item.written
    yield item.qualified
    if item.schema is not None:
        yield f"{item.schema}.{item.name}"
    if item.arguments is not None:
        yield f"{item.name}({item.arguments})"


def _called_exactly(name: str, known: Sequence[SchemaObject]) -> list[SchemaObject]:
    plain = _QUOTED.sub(lambda quoted: quoted[1].replace('""', '"'), name)
    return [each for each in known if name in _names(each)] or [each for each in known if plain in _names(each)]


def _called_like(name: str, known: Sequence[SchemaObject]) -> list[SchemaObject]:
    folded = name.casefold()
    return [each for each in known if folded in (text.casefold() for text in _names(each))]


def _first_in_path(found: Sequence[SchemaObject], path: Sequence[str]) -> list[SchemaObject]:
    """Return those that SQL would find without a schema; all if it would find none, or if schemas do not tell."""
    for schema in path:
        here = [each for each in found if each.schema == schema]
        if here:
            return here + [each for each in found if each.schema is None]
    return list(found)


def _ambiguous(name: str, found: Sequence[SchemaObject]) -> UsageError:
    shown = sorted(found, key=lambda each: (rank(each.kind), each.qualified))[:_NAMED]
    names = [f"{each.kind} {each.qualified}" for each in shown]
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    commands = [_with_kind(each) if _needs_kind(each, name, found) else page_of(each) for each in shown]
    return UsageError(
        f"{name!r} is the name of {counted(len(found), 'object')}: {', '.join(names)}{more}",
        state=UNCHANGED,
        hint=Advice("one of them: ", *_listed(commands)),
    )


def _needs_kind(item: SchemaObject, name: str, found: Sequence[SchemaObject]) -> bool:
    """Return whether only its kind tells an object from the others of its name."""
    if item.kind == "schema" or item.arguments is not None:
        return False
    same = [each for each in found if (each.schema, each.name) == (item.schema, item.name)]
    return item.called == name or len(same) > 1


def _with_kind(item: SchemaObject) -> Command:
    return command("schema", item.called, kind=item.kind)


def _listed(commands: Sequence[Command]) -> list[str | Command]:
    parts: list[str | Command] = []
    for each in commands:
        parts += [", ", each] if parts else [each]
    return parts


def _unknown(name: str, known: Sequence[SchemaObject], kind: str | None) -> UsageError:
    """Return the error for a name that no object has, with those that may have been meant."""
    near = _near(name, known)
    everything = Advice(command("schema"), " shows everything that is there.")
    hint = (
        Advice("did you mean ", *_listed([page_of(each) for each in near]), "? ") + everything if near else everything
    )
    return UsageError(f"there is no {kind or 'object'} {name!r}", state=UNCHANGED, hint=hint)


def _near(name: str, known: Sequence[SchemaObject]) -> list[SchemaObject]:
    """Return objects that may have been meant: those that contain the name, or are almost called so."""
    last = name.rsplit(".", 1)[-1].strip('"').casefold()
    own = [each for each in known if each.extension is None]
    holding = [each for each in own if last and last in each.name.casefold()]
    likely = {each.name.casefold() for each in own if abs(len(each.name) - len(last)) <= _LONGER}
    close = [] if holding else near(last, likely)
    return (holding or [each for each in own if each.name.casefold() in close])[:_NAMED]
