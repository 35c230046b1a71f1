"""Write the statements that make or drop a part, as it is in one reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fsapi_nb.catalog.ddl.definition import ObjectAddress
from fsapi_nb.catalog.parts.part import CatalogPart, CatalogParts, DefaultPrivileges
from fsapi_nb.text.sql import quote_literal

#: How a statement calls each kind, where that is not the kind itself in capitals.
_WORDS = {"enum": "TYPE", "composite": "TYPE", "range": "TYPE"}
#: Kinds that are named with the table that they are of.
ON_TABLE = {"constraint", "trigger", "rule", "policy"}
_ENABLED = {"D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS", "O": "ENABLE"}
_PERSISTENCE = {"u": "UNLOGGED "}
_STORAGE = {"p": "PLAIN", "m": "MAIN", "e": "EXTERNAL", "x": "EXTENDED"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_REPLICA_IDENTITY = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}

#: The kinds of `pg_default_acl`, of parts and as a statement calls them.
_LETTERS = {
    **dict.fromkeys(("table", "view", "materialized view"), "r"),
    **dict.fromkeys(("function", "procedure"), "f"),
    **dict.fromkeys(("enum", "composite", "domain", "range"), "T"),
    "sequence": "S",
    "schema": "n",
}

_PLURALS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS", "L": "LARGE OBJECTS"}

Acl = Sequence[Sequence[Any]] | None


def word(part: CatalogPart) -> str:
    """Return what a statement calls the kind of a part."""
    return _WORDS.get(part.kind, part.kind.upper())


def name_of(part: CatalogPart, parts: CatalogParts) -> str:
    """Return how a statement names a part: `CONSTRAINT a ON public.t`, or `TABLE public.t`."""
    if part.kind == "column":
        return f"COLUMN {table_of(part, parts)}.{part.name}"
    if part.kind in ON_TABLE:
        return f"{word(part)} {part.name} ON {table_of(part, parts)}"
    arguments = f"({part.state['arguments']})" if "arguments" in part.state else ""
    return f"{word(part)} {part.qualified if part.kind != 'extension' else part.name}{arguments}"


def table_of(part: CatalogPart, parts: CatalogParts) -> str:
    """Return the name of the table or view that a part is of."""
    table = parts.parts.get(part.of) if part.of else None
    return table.qualified if table else "?"


def drop(part: CatalogPart, parts: CatalogParts) -> str:
    """Return the statement that drops a part."""
    if part.kind == "column":
        return f"ALTER TABLE {table_of(part, parts)} DROP COLUMN {part.name};"
    if part.kind == "default":
        return f"ALTER TABLE {table_of(part, parts)} ALTER COLUMN {part.name} DROP DEFAULT;"
    if part.kind == "constraint":
        return f"ALTER TABLE {table_of(part, parts)} DROP CONSTRAINT {part.name};"
    if part.kind == "object":
        return str(part.state["drop"])
    return f"DROP {name_of(part, parts)};"


def create(part: CatalogPart, parts: CatalogParts) -> list[str]:
    """Return the statements that make a part, with its comment, its owner and who may use it."""
    made = list(_MAKERS[part.kind](part, parts))
    if part.kind in {"default", "object"}:
        return made
    if part.kind not in {"column", "table"}:
        made += [statement for statement in [comment(part, None, parts)] if statement]
    if part.state.get("owner") not in {None, parts.role}:
        made.append(f"ALTER {name_of(part, parts)} OWNER TO {part.state['owner']};")
    return [*made, *grants(part, _at_first(part, parts), parts)]


def _at_first(part: CatalogPart, parts: CatalogParts) -> Acl:
    """Return who may use a part that has just been made."""
    letter = _LETTERS.get(part.kind)
    if letter is None:
        return part.state.get("default_acl")
    usual = parts.default_privileges.get((parts.role, None, letter), (part.state.get("default_acl"), None))[0]
    more = parts.default_privileges.get((parts.role, part.schema, letter), (None, None))[0] if part.schema else None
    return [*(usual or ()), *(more or ())]


def default_privileges(before: DefaultPrivileges, after: DefaultPrivileges) -> Iterator[str]:
    """Yield the statements that let others use what roles will make as before."""
    for role, schema, letter in sorted({*before, *after}, key=str):
        here = after.get((role, schema, letter))
        wanted, usual = before.get((role, schema, letter), (None, None))
        if here is None:
            now = {tuple(each) for each in usual or ()}
        else:
            now, usual = {tuple(each) for each in here[0] or ()}, here[1]
        then = {tuple(each) for each in (usual if wanted is None else wanted) or ()}
        prefix = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{f' IN SCHEMA {schema}' if schema else ''}"
        for grantee, privilege, _ in sorted(now - then):
            yield f"{prefix} REVOKE {privilege} ON {_PLURALS[letter]} FROM {grantee};"
        for grantee, privilege, grantable in sorted(then - now):
            yield f"{prefix} GRANT {privilege} ON {_PLURALS[letter]} TO {grantee}{' WITH GRANT OPTION' if grantable else ''};"


def comment(part: CatalogPart, now: str | None, parts: CatalogParts) -> str | None:
    """Return the statement that gives a part its comment; None if it has that already."""
    wanted = part.state.get("comment")
    if wanted == now:
        return None
    return f"COMMENT ON {name_of(part, parts)} IS {quote_literal(wanted) if wanted is not None else 'NULL'};"


def grants(part: CatalogPart, now: Acl, parts: CatalogParts) -> Iterator[str]:
    """Yield the statements that let those use a part who may, and nobody else."""
    wanted = {tuple(each) for each in part.state.get("acl") or ()}
    given = {tuple(each) for each in now or ()}
    columns = f" ({part.name})" if part.kind == "column" else ""
    where = _granted_on(part, parts)
    for role, privilege, _ in sorted(given - wanted):
        yield f"REVOKE {privilege}{columns} ON {where} FROM {role};"
    for role, privilege, grantable in sorted(wanted - given):
        option = " WITH GRANT OPTION" if grantable else ""
        yield f"GRANT {privilege}{columns} ON {where} TO {role}{option};"


def _granted_on(part: CatalogPart, parts: CatalogParts) -> str:
    if part.kind == "column":
        return f"TABLE {table_of(part, parts)}"
    if part.kind in {"view", "materialized view"}:
        return f"TABLE {part.qualified}"
    if part.kind in {"enum", "composite", "range", "domain"}:
        return f"TYPE {part.qualified}"
    return name_of(part, parts)


def index_of(constraint: CatalogPart, parts: CatalogParts) -> str:
    """Return the name of the index of a key: its table's schema, its own name."""
    table = parts.parts.get(constraint.of) if constraint.of else None
    return f"{table.schema}.{constraint.name}" if table else constraint.name


def column_type(column: CatalogPart) -> str:
    """Return the type of a column, with its collation if that is not the type's own."""
    state = column.state
    return f"{state['type']} COLLATE {state['collation']}" if state["collation"] else str(state["type"])


def identity(column: CatalogPart) -> str:
    """Return how the identity of a column is written."""
    how = "ALWAYS" if column.state["identity"] == "a" else "BY DEFAULT"
    return f"GENERATED {how} AS IDENTITY{column.state['identity_options'] or ''}"


def definition(column: CatalogPart, *, not_null: bool = True) -> str:
    """Return a column as `CREATE TABLE` has it, without its default."""
    state = column.state
    words = [column.name, column_type(column)]
    if state["generated"]:
        stored = "STORED" if state["generated"] == "s" else "VIRTUAL"
        words.append(f"GENERATED ALWAYS AS ({state['expression']}) {stored}")
    elif state["identity"]:
        words.append(identity(column))
    if not_null and state["not_null"]:
        words.append(f"CONSTRAINT {state['not_null_name']} NOT NULL" if state["not_null_name"] else "NOT NULL")
    return " ".join(words)


def column_settings(column: CatalogPart, now: dict[str, Any] | Any, parts: CatalogParts) -> Iterator[str]:
    """Yield what sets storage, compression, statistics and options of a column."""
    state, table = column.state, table_of(column, parts)
    prefix = f"ALTER TABLE {table} ALTER COLUMN {column.name}"
    if state["storage"] != now.get("storage"):
        yield f"{prefix} SET STORAGE {_STORAGE[state['storage'] or state['default_storage']]};"
    if state["compression"] != now.get("compression"):
        yield f"{prefix} SET COMPRESSION {_COMPRESSION.get(state['compression'], 'DEFAULT')};"
    if state["statistics"] != now.get("statistics"):
        yield f"{prefix} SET STATISTICS {state['statistics'] if state['statistics'] is not None else -1};"
    for change in options(now.get("options"), state["options"]):
        yield f"{prefix} {change};"


def options(now: Iterable[str] | None, wanted: Iterable[str] | None, prefix: str = "") -> Iterator[str]:
    """Yield `SET (…)` and `RESET (…)` that make the wanted storage parameters of those that are there."""
    there, needed = set(now or ()), set(wanted or ())
    gone = sorted({each.partition("=")[0] for each in there} - {each.partition("=")[0] for each in needed})
    if gone:
        yield f"RESET ({', '.join(prefix + each for each in gone)})"
    if needed - there:
        yield f"SET ({', '.join(prefix + _option(each) for each in sorted(needed - there))})"


def _option(text: str) -> str:
    name, _, value = text.partition("=")
    return f"{name} = {value if value.replace('.', '', 1).isalnum() else quote_literal(value)}"


def table_settings(table: CatalogPart, now: dict[str, Any] | Any) -> Iterator[str]:
    """Yield what sets the options of a table and its row-level security."""
    state, prefix = table.state, f"ALTER TABLE {table.qualified}"
    for change in (
        *options(now.get("options"), state["options"]),
        *options(now.get("toast_options"), state["toast_options"], "toast."),
    ):
        yield f"{prefix} {change};"
    if state["rls"] != now.get("rls", False):
        yield f"{prefix} {'ENABLE' if state['rls'] else 'DISABLE'} ROW LEVEL SECURITY;"
    if state["force_rls"] != now.get("force_rls", False):
        yield f"{prefix} {'' if state['force_rls'] else 'NO '}FORCE ROW LEVEL SECURITY;"
    if state["identity"] != now.get("identity", "d") and state["identity"] in _REPLICA_IDENTITY:
        yield f"{prefix} REPLICA IDENTITY {_REPLICA_IDENTITY[state['identity']]};"


def enabled(part: CatalogPart) -> str:
    """Return the statement that enables or disables a trigger or a rule."""
    return "{} {} {};".format(_ENABLED[part.state["enabled"]], part.kind.upper(), part.name)


def _schema(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    yield f"CREATE SCHEMA {part.name};"


def _extension(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    yield f"CREATE EXTENSION {part.name} SCHEMA {part.schema} VERSION {quote_literal(part.state['version'])};"


def _table(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    state, columns = part.state, parts.children(part.address, "column")
    above = [] if state["bound"] else state["parents"] or []
    parents = [parts.parts[ObjectAddress("pg_class", each)].qualified for each in above]
    columns = [column for column in columns if column.state["local"] or not parents]
    lines = ",\n".join(f"    {definition(column)}" for column in columns)
    yield "".join(
        (
            f"CREATE {_PERSISTENCE.get(state['persistence'], '')}TABLE {part.qualified} (",
            f"\n{lines}\n" if lines else "",
            ")",
            f" INHERITS ({', '.join(parents)})" if parents else "",
            f" PARTITION BY {state['partition_key']}" if state["partition_key"] else "",
            f" USING {state['method']}" if state["method"] else "",
            f" TABLESPACE {state['tablespace']}" if state["tablespace"] else "",
            ";",
        )
    )
    yield from table_settings(part, {})
    if said := comment(part, None, parts):
        yield said
    for column in columns:
        yield from column_extras(column, parts)


def column_extras(column: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    """Yield what a column has beside its definition: settings, comment; not who may use it."""
    yield from column_settings(column, {}, parts)
    if said := comment(column, None, parts):
        yield said


def _column(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    yield f"ALTER TABLE {table_of(part, parts)} ADD COLUMN {definition(part)};"
    yield from column_extras(part, parts)


def _default(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    yield f"ALTER TABLE {table_of(part, parts)} ALTER COLUMN {part.name} SET DEFAULT {part.state['text']};"


def _constraint(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    yield f"ALTER TABLE {table_of(part, parts)} ADD CONSTRAINT {part.name} {part.state['text']};"
    if part.state["index_comment"] is not None:
        yield f"COMMENT ON INDEX {index_of(part, parts)} IS {quote_literal(part.state['index_comment'])};"


def _index(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    # Of a partitioned table the server writes the index of that table alone; its partitions need theirs, too.
    yield part.state["text"].replace(f"INDEX {part.name} ON ONLY ", f"INDEX {part.name} ON ", 1) + ";"
    for number, target in (part.state["statistics"] or {}).items():
        yield f"ALTER INDEX {part.qualified} ALTER COLUMN {number} SET STATISTICS {target};"


def sequence_options(part: CatalogPart) -> str:
    """Return the options of a sequence."""
    state = part.state
    return (
        f"AS {state['type']} START WITH {state['start']} INCREMENT BY {state['increment']} MINVALUE {state['min']}"
        f" MAXVALUE {state['max']} CACHE {state['cache']}{'' if state['cycle'] else ' NO'} CYCLE"
    )


def _sequence(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    kind = f"{_PERSISTENCE.get(part.state['persistence'], '')}SEQUENCE"
    yield f"CREATE {kind} {part.qualified} {sequence_options(part)};"


def _view(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    state = part.state
    yield "".join(
        (
            f"CREATE {part.kind.upper()} {part.qualified}",
            f" USING {state['method']}" if state["method"] else "",
            f" WITH ({', '.join(_option(each) for each in state['options'])})" if state["options"] else "",
            f" TABLESPACE {state['tablespace']}" if state["tablespace"] else "",
            f" AS\n{state['text']}",
            "" if state["populated"] else "\n  WITH NO DATA",
            ";",
        )
    )
    for column in state["columns"] or ():
        if column["comment"] is not None:
            yield f"COMMENT ON COLUMN {part.qualified}.{column['name']} IS {quote_literal(column['comment'])};"


def _trigger(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    yield f"{part.state['text']};"
    if part.state["enabled"] != "O":
        yield f"ALTER TABLE {table_of(part, parts)} {enabled(part)}"


def _policy(part: CatalogPart, parts: CatalogParts) -> Iterator[str]:
    yield f"CREATE POLICY {part.name} ON {table_of(part, parts)}{part.state['text']};"


def _statistics(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    yield f"{part.state['text']};"
    if part.state["target"] is not None:
        yield f"ALTER STATISTICS {part.qualified} SET STATISTICS {part.state['target']};"


def _function(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    # What is there under that name was dropped before.
    yield part.state["text"].replace("CREATE OR REPLACE ", "CREATE ", 1) + ";"


def _enum(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    labels = ", ".join(label for _, label in part.state["labels"] or ())
    yield f"CREATE TYPE {part.qualified} AS ENUM ({labels});"


def _composite(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    attributes = part.state["attributes"] or ()
    listed = ", ".join(f"{each['name']} {each['type']}" for each in attributes)
    yield f"CREATE TYPE {part.qualified} AS ({listed});"
    for each in attributes:
        if each["comment"] is not None:
            yield f"COMMENT ON COLUMN {part.qualified}.{each['name']} IS {quote_literal(each['comment'])};"


def _domain(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    state = part.state
    words = [f"CREATE DOMAIN {part.qualified} AS {state['base']}"]
    words += [f"COLLATE {state['collation']}"] if state["collation"] else []
    words += [f"DEFAULT {state['default']}"] if state["default"] is not None else []
    words += ["NOT NULL"] if state["not_null"] else []
    words += [f"CONSTRAINT {each['name']} {each['text']}" for each in state["constraints"] or ()]
    yield " ".join(words) + ";"
    for each in state["constraints"] or ():
        if each["comment"] is not None:
            on = f"CONSTRAINT {each['name']} ON DOMAIN {part.qualified}"
            yield f"COMMENT ON {on} IS {quote_literal(each['comment'])};"


def _range(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    yield f"CREATE TYPE {part.qualified} AS RANGE ({part.state['text']});"


def _object(part: CatalogPart, _: CatalogParts) -> Iterator[str]:
    yield from part.state["create"]


_MAKERS = {
    "schema": _schema,
    "extension": _extension,
    "table": _table,
    "column": _column,
    "default": _default,
    "constraint": _constraint,
    "index": _index,
    "sequence": _sequence,
    "view": _view,
    "materialized view": _view,
    "trigger": _trigger,
    "rule": _trigger,
    "policy": _policy,
    "statistics": _statistics,
    "function": _function,
    "procedure": _function,
    "object": _object,
    "enum": _enum,
    "composite": _composite,
    "domain": _domain,
    "range": _range,
}
