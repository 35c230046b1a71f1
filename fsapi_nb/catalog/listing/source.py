"""What a listing reads of one catalog: a key for each row, and fields that say what a reader must hear of.

A row costs microseconds: nothing here makes a definition of an object, and of a long text only a hash is read. Names
without a schema mean PostgreSQL's own, see `postgres.ask`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class RowField(NamedTuple):
    """A field of a row: its name, its SQL, and the words that tell a reader of its change.

    Without `words` the change is said in another way, or not at all. With `shown`, the words are followed by the values
    before and after.
    """

    name: str
    sql: str
    words: str = ""
    shown: bool = False


@dataclass(frozen=True, slots=True)
class RowSource:
    """The rows of one catalog. `x` is the catalog's row in all SQL.

    `schema` or `relation` is SQL of the OID of the schema or table that a row belongs to. Rows that `may_be_member` are
    left out if they belong to an extension. `used` is SQL of whether there may be rows, or a catalog of which
    `pg_depend` tells: most databases have no rows in most catalogs. Rows of an `additive` source are removed only by a
    row whose first field is true, or with what they are parts of. If rows are not `stamped`, their age cannot be read,
    and each is read whole.
    """

    name: str
    table: str
    key: str
    fields: tuple[RowField, ...]
    where: str
    used: str = ""
    schema: str = ""
    relation: str = ""
    may_be_member: bool = False
    stamped: bool = True
    additive: bool = False

    def query(self, schemas: str, *, without_members: bool, counted: bool = False) -> str:
        """Return SQL of one array: the key of each row, and behind it the fields if it is no older than `{age}`.

        Args:
            schemas: SQL of an array of the names of the only schemas; empty for all.
            without_members: Whether to leave out what belongs to extensions.
            counted: Whether to give the older rows only as a number: that of all rows, behind the array.
        """
        where, spaces = [self.where], f"(SELECT oid FROM pg_namespace WHERE nspname = ANY({schemas}))"
        if schemas and self.schema:
            where.append(f"{self.schema} IN {spaces}")
        if schemas and self.relation:
            where.append(f"{self.relation} IN (SELECT oid FROM pg_class WHERE relnamespace IN {spaces})")
        if without_members and self.may_be_member:
            where.append(_NO_MEMBER.format(self.table))
        row = f"concat({self.key}, ' ', ROW({', '.join(field.sql for field in self.fields)})::text)"
        answer = f"array_agg({row})"
        if self.additive:
            where[0] = f"CASE WHEN age(x.xmin) <= {{age}} THEN {where[0]} END"  # in this order: the rest takes longer
        elif counted and self.stamped:
            answer = f"array_agg({row}) FILTER (WHERE age(x.xmin) <= {{age}}), count(*)"
        elif self.stamped:
            answer = f"array_agg(CASE WHEN age(x.xmin) <= {{age}} THEN {row} ELSE concat({self.key}) END)"
        return f"SELECT {answer} FROM {self.table} x WHERE {' AND '.join(f'({each})' for each in where)}"


_NO_MEMBER = """x.oid NOT IN (SELECT objid FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = '{}'::regclass)"""


def hashed(*columns: str) -> str:
    """Return SQL of a hash of these columns."""
    return f"hashtextextended(ROW({', '.join(columns)})::text, 0)"


def present(catalog: str) -> str:
    """Return SQL of whether a catalog has a row of users: what a server has from its beginning is numbered below."""
    return f"EXISTS (SELECT FROM {catalog} WHERE oid >= 16384)"


def begun(catalog: str) -> str:
    """Return SQL of whether there were ever rows in a catalog that is empty in a new database. Nothing is planned for it."""
    return f"pg_relation_size('{catalog}') > 0"
