"""Plans with their forecasts, on a shop whose tables have any size; `python -m tests.views.planned` writes the golden files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from fsapi_nb.actions.forecast import forecast, needed, read_plan
from fsapi_nb.model.action import Kin, TableSet
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.model.forecast import TableSize
from fsapi_nb.model.history import History, HistoryEntry
from fsapi_nb.model.plan import DatabaseObject, Plan
from fsapi_nb.model.server import Identity
from fsapi_nb.model.table_facts import (
    ColumnShape,
    ConstraintShape,
    FoundTable,
    Needed,
    TableFacts,
    TableShape,
    TypeShape,
)
from fsapi_nb.plan import baseline
from fsapi_nb.plan.input import PlanInput
from fsapi_nb.plan.migrate import plan_fresh, plan_migrate
from fsapi_nb.plan.redo import plan_redo
from fsapi_nb.plan.rollback import plan_rollback
from fsapi_nb.script.migration import read_migration
from fsapi_nb.views.results import PlanResult

GOLDEN = Path(__file__).parent / "golden"
SHOP = Identity("shop", "db.example")
MB = 1024 * 1024
#: Rows, bytes, and whether the rows are counted.
SIZES = {
    "orders": TableSize(12_400_000, 3_174 * MB),
    "customers": TableSize(84_123, 31 * MB),
    "feature_flag": TableSize(12, 8_192, exact=True),
    "sessions": TableSize(1_000, 80_000, exact=True),
    "countries": TableSize(0, 8_192, exact=True),
}
#: Tables by what they have to do with others.
_KIN = {
    ("orders", Kin.REFERENCED): ["customers"],
    ("orders", Kin.OWN_REFERENCED): ["customers"],
    ("customers", Kin.REFERRING): ["orders"],
    ("customers", Kin.OWN_REFERRING): ["orders"],
    ("customers", Kin.ALL_REFERRING): ["orders"],
}


_TYPES = {
    "int": 23,
    "bigint": 20,
    "text": 25,
    "date": 1082,
    "numeric": 1700,
    "uuid": 2950,
    "boolean": 16,
    "mood": 9_000,
}
_COLUMNS = {
    "orders": {"id": "bigint", "customer_id": "bigint", "total": "int", "placed": "date", "token": "text", "x": "int"},
    "customers": {"id": "bigint", "email": "text", "bio": "text", "mood": "mood"},
    "feature_flag": {"name": "text"},
    "sessions": {"id": "int"},
    "countries": {"code": "text", "name": "text"},
}
_REFERS = ConstraintShape("f", frozenset({"customer_id"}), True, "", 2, frozenset({"id"}), "a", "a")


def _shape(name: str) -> TableShape:
    columns = {column: ColumnShape(_TYPES[kind], -1, 0, column == "id") for column, kind in _COLUMNS[name].items()}
    return TableShape(columns, {"orders_customer": _REFERS} if name == "orders" else {})


def folder_of(files: Mapping[str, str]) -> Folder:
    """A folder of such files."""
    read = {name: read_migration(name, text.encode()) for name, text in files.items()}
    return Folder(
        {name: f"sha256:{number:064}" for number, name in enumerate(files)}, read=lambda name: FileReading(*read[name])
    )


def planned(
    files: Mapping[str, str],
    *,
    verb: Callable[[PlanInput], Plan] = plan_migrate,
    applied: Iterable[str] = (),
    drops: tuple[DatabaseObject, ...] = (),
) -> PlanResult:
    """What a verb would do, and what that will do to the shop."""
    folder = folder_of(files)
    entries = []
    for number, name in enumerate(applied, 1):
        migration = folder.read(name).migration
        assert migration is not None
        entries.append(HistoryEntry(number, name, checksum=migration.checksum, digest=folder.digests[name]))
    plan = verb(PlanInput(folder, History(tuple(entries), exists=bool(entries))))
    if drops:
        plan = Plan(plan.verb, plan.steps, plan.notes, drops=drops)
    actions = read_plan(plan, 18)
    return PlanResult(plan, SHOP, forecast=forecast(plan, actions, facts_of(needed(plan, actions))))


def facts_of(asked: Needed) -> TableFacts:
    """What the catalog of the shop says."""
    numbers = {name: number for number, name in enumerate(SIZES, 1)}
    tables = {numbers[name]: FoundTable(name, "r", size, size.size // 2, 1) for name, size in SIZES.items()}
    found: dict[TableSet, tuple[int, ...]] = {}
    for each in (*asked.sets, *asked.shaped):
        if each.kind:
            found[each] = (_TYPES[each.name],) if each.name in _TYPES else ()
            continue
        names = [each.name.removeprefix("public.")] if each.kin is Kin.SELF else _KIN.get((each.name, each.kin), [])
        found[each] = tuple(numbers[name] for name in names if name in numbers)
    types = {number: TypeShape(name, "b") for name, number in _TYPES.items()}
    return TableFacts(tables, found, {number: _shape(name) for name, number in numbers.items()}, types)


@cache
def cases() -> dict[str, PlanResult]:
    """Typical plans, by what they are about."""
    text = (GOLDEN / "plans.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- CASE: (.*)\n", text, flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    return {name: planned({f"2026_01_02_00_00_{name.split()[-1]}.sql": sql}) for name, sql in found.items()}


CHANGE = "2026_01_02_00_00_change.sql"
PROFILES = "2026_01_03_00_00_profiles.sql"
_TWO = {
    CHANGE: "-- UP\nCREATE TABLE feature_flag (name text);\nALTER TABLE orders ADD COLUMN token text;\n"
    "-- DOWN\nALTER TABLE orders DROP COLUMN token;\nDROP TABLE feature_flag;\n",
    PROFILES: "-- UP\nCREATE TABLE sessions (id int);\n-- DOWN\nDROP TABLE sessions;\n",
}
_EVIL = 'a|b`c``d<img src=x onerror=alert(1)>@octocat www.evil.example #1 "" \x1b]0;t\x07\u202e\nForged'


@cache
def verbs() -> dict[str, PlanResult]:
    """Plans of the other verbs, and of many files."""
    drops = (DatabaseObject("table", "public.orders"), DatabaseObject("table", "public.feature_flag"))
    return {
        "nothing": planned(_TWO, applied=_TWO),
        "rollback of one": planned(_TWO, verb=plan_rollback, applied=_TWO),
        "rollback of all": planned(_TWO, verb=lambda given: plan_rollback(given, everything=True), applied=_TWO),
        "redo": planned(_TWO, verb=plan_redo, applied=_TWO),
        "baseline": planned(_TWO, verb=lambda given: baseline.plan_baseline(given, name=CHANGE)),
        "fresh": planned(_TWO, verb=plan_fresh, drops=drops),
        "twenty files": many(20),
        "a thousand files": many(1_000),
        "many subcommands": planned({CHANGE: f"-- UP\nALTER TABLE orders {', '.join(_columns(40))};\n"}),
        "many statements": planned({CHANGE: "-- UP\n" + "".join(f"DROP TABLE old_{n};\n" for n in range(40))}),
        "hostile names": hostile(),
    }


def _columns(count: int) -> list[str]:
    return [f"ADD COLUMN {'c' * (number * 3)}_{number} int" for number in range(count)]


@cache
def many(count: int) -> PlanResult:
    """Many files: every third has no DOWN, a few are dangerous."""
    files = {}
    for n in range(count):
        text = (
            f"-- UP\nCREATE TABLE t{n} (id int PRIMARY KEY, name text);\nCREATE INDEX t{n}_name_idx ON t{n} (name);\n"
        )
        if n % 60 == 7:
            lost = "DROP TABLE feature_flag;" if n == 967 else f"DELETE FROM feature_flag WHERE name = 'c{n}';"
            text += f"ALTER TABLE orders ADD COLUMN c{n} int;\n{lost}\nCREATE INDEX ON orders (c{n});\n"
        text += f"-- DOWN\nDROP TABLE t{n};\n" if n % 3 else ""
        files[f"2026_{n // 600 + 1:02}_{n // 60 % 10 + 1:02}_00_{n % 60:02}_add_table_{n}.sql"] = text
    return planned(files)


@cache
def hostile() -> PlanResult:
    """A plan with names and values that would leave their places in a terminal, in HTML and in Markdown."""
    name = '"' + _EVIL.replace('"', '""') + '"'
    text = (
        f"-- UP\nCREATE TABLE {name} ({name} int);\nALTER TABLE {name}.{name} DROP COLUMN {name};\n"
        f"DROP TABLE {name}.x, _y_, \"*z*\";\nINSERT INTO countries VALUES ('```\n</details>\n@octocat <b>');\n"
    )
    return planned({"2026_01_02_00_00_@octocat_`x`|<b>.sql": text})


def text_of(results: Mapping[str, PlanResult]) -> str:
    """The text of plans as a terminal shows it."""
    return "\n\n".join("\n".join([f"== {name}", *result.lines()]) for name, result in results.items()) + "\n"


def html_of(results: Mapping[str, PlanResult]) -> str:
    """The HTML of plans, a row of a table in each line."""
    return (
        "\n".join(f"<h2>{name}</h2>\n{result.html()}".replace("<tr", "\n<tr") for name, result in results.items())
        + "\n"
    )


def markdown_of(results: Mapping[str, PlanResult]) -> str:
    """The Markdown of plans."""
    return "\n\n".join(f"# {name}\n\n{result.to_markdown()}" for name, result in results.items())


#: The golden files, each with what writes it.
WRITTEN: dict[str, Callable[[], str]] = {
    "plans.txt": lambda: text_of(cases()),
    "plans_full.txt": lambda: text_of({"in full": cases()["much in one transaction"].full()}),
    "plans.html": lambda: html_of(cases()),
    "plans.md": lambda: markdown_of(cases()),
    "verbs.txt": lambda: text_of(verbs()),
    "verbs.html": lambda: html_of(verbs()),
    "verbs.md": lambda: markdown_of(verbs()),
}


if __name__ == "__main__":
    for name, write in WRITTEN.items():
        (GOLDEN / name).write_text(write(), encoding="utf-8")
