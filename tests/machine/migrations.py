"""The pool of migrations that the machine draws from: texts whose steps and effects are known without reading them.

Every database of the machine has a table `base (i integer)` and an enum `mood` from the beginning. A type called
`nope` makes a statement fail; an edit puts another type into a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

TYPES = ("integer", "bigint", "text", "nope")


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of SQL, with what it makes (names and their detail: a column's type, `valid`) and drops.

    It waits for who uses `base`, is `alone` where PostgreSQL refuses a transaction around it, and `opaque` where
    nothing but running it tells what it does.
    """

    sql: str
    makes: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()
    base: bool = False
    alone: bool = False
    opaque: bool = False

    def works(self, holds: dict[str, str], *, blocked: bool) -> bool:
        """Whether PostgreSQL runs it, in a database that holds these."""
        there = any(name in holds for name, _ in self.makes)
        gone = any(name not in holds for name in self.drops)
        return not ("nope" in self.sql or there or gone or (blocked and self.base))


Step = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Scripts:
    """Both directions, by steps; no `down` where it is irreversible. `pairs` and `off` say how the file is written."""

    up: tuple[Step, ...]
    down: tuple[Step, ...] | None
    pairs: bool = False
    off: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says: a form, a number that makes its names unique, and a type for each of its steps."""

    form: str
    number: int
    types: tuple[str, ...] = ("integer", "integer", "integer")
    comment: bool = False

    @property
    def scripts(self) -> Scripts:
        """What it means."""
        return _scripts(self.form, self.number, self.types)

    def says_the_same(self, other: Text) -> bool:
        """Whether only comments differ."""
        return self.scripts == other.scripts

    def edited(self, step: int, type_: str) -> Text:
        """The same with another type in that step (in none, if it has none there)."""
        return replace(self, types=(*self.types[:step], type_, *self.types[step + 1 :]))

    def mended(self) -> Text:
        """The same without what fails."""
        return replace(self, types=tuple("integer" if type_ == "nope" else type_ for type_ in self.types))

    def written(self) -> str:
        """The file."""
        scripts = self.scripts
        head = "-- a comment\n" if self.comment else ""
        down = "" if scripts.down is None else f"\n-- DOWN\n{_written(scripts, scripts.down)}"
        return f"-- UP\n{head}{_written(scripts, scripts.up)}{down}"


def _written(scripts: Scripts, steps: Sequence[Step]) -> str:
    lines = ["-- fsapi: transaction=off"] if scripts.off else []
    for step in steps:
        inside = [f"{statement.sql};" for statement in step]
        lines += ["BEGIN;", *inside, "COMMIT;"] if scripts.pairs else inside
    return "\n".join(lines) + "\n"


def _table(name: str, type_: str, more: str = "") -> Statement:
    return Statement(f"CREATE TABLE {name} (i {type_}{more})", makes=((f"{name}.i", type_),))


def _no_table(name: str, *indexes: str) -> Statement:
    return Statement(f"DROP TABLE {name}", drops=(f"{name}.i", *indexes))


def _column(number: int, type_: str) -> Statement:
    made = ((f"base.c{number}", type_),)
    return Statement(f"ALTER TABLE base ADD COLUMN c{number} {type_}", makes=made, base=True)


def _no_column(number: int) -> Statement:
    return Statement(f"ALTER TABLE base DROP COLUMN c{number}", drops=(f"base.c{number}",), base=True)


def _index(name: str, table: str, type_: str) -> Statement:
    column = {"integer": "i", "bigint": "i DESC", "text": "(i::text)"}.get(type_, "nope")
    sql = f"CREATE INDEX CONCURRENTLY {name} ON {table} ({column})"
    return Statement(sql, makes=((name, "valid"),), base=table == "base", alone=True)


def _no_index(name: str, table: str) -> Statement:
    return Statement(f"DROP INDEX CONCURRENTLY {name}", drops=(name,), base=table == "base", alone=True)


def _scripts(form: str, number: int, types: Sequence[str]) -> Scripts:
    t, u, v, b = (f"{letter}{number}" for letter in ("t", "u", "v", "base_"))
    first, second, third = types
    steps: tuple[Step, ...]
    match form:
        case "plain":
            index = Statement(f"CREATE INDEX {t}_i ON {t} (i)", makes=((f"{t}_i", "valid"),))
            return Scripts(((_table(t, first), index),), ((_no_table(t, f"{t}_i"),),))
        case "irreversible":
            return Scripts(((_column(number, first),),), None)
        case "pair":
            up, down = (_table(t, first), _column(number, second)), (_no_column(number), _no_table(t))
            return Scripts((up,), (down,), pairs=True)
        case "pairs":
            steps = (_table(t, first),), (_column(number, second),), (_table(u, third), _table(v, third))
            back = (_no_table(v), _no_table(u)), (_no_column(number), _no_table(t))
            return Scripts(steps, back, pairs=True)
        case "index":
            return Scripts(((_index(b, "base", first),),), ((_no_index(b, "base"),),))
        case "concurrently":
            steps = (_table(t, first),), (_index(b, "base", second),), (_table(u, third),)
            return Scripts(steps, ((_no_table(u),), (_no_index(b, "base"),), (_no_table(t),)))
        case "indexes":
            steps = (_table(t, first),), (_index(f"{t}_i", t, second),), (_index(b, "base", third),)
            return Scripts(steps, ((_no_index(b, "base"),), (_no_index(f"{t}_i", t),), (_no_table(t),)))
        case "off":
            steps = (_table(t, first),), (_column(number, second),), (_table(u, third),)
            return Scripts(steps, ((_no_table(u),), (_no_column(number),), (_no_table(t),)), off=True)
        case "block":
            block = Statement(
                f"DO $$ BEGIN CREATE TABLE {u} (i integer); END $$",
                makes=((f"{u}.i", "integer"),),
                alone=True,
                opaque=True,
            )
            return Scripts(((_table(t, first),), (block,)), ((_no_table(u),), (_no_table(t),)), off=True)
        case _:  # enum
            value = Statement(f"ALTER TYPE mood ADD VALUE IF NOT EXISTS 'v{number}'")
            use = _table(t, second, f", m mood DEFAULT 'v{number}'")
            return Scripts(((value,), (use,)), ((_no_table(t),),))


STEPPED = ("pairs", "concurrently", "indexes", "off", "block", "enum")
_REVERSIBLE = ("plain", "pair", "index", *STEPPED)
#: The irreversible one is rarer, as it bars the way back for all that come before it.
FORMS = (*_REVERSIBLE, *_REVERSIBLE, "irreversible")
