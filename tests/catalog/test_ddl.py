"""The DDL of a database creates an equal one; what it does not write is named. The snapshot is the judge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from fsapi_nb.catalog.ddl.definitions import Definitions
from fsapi_nb.catalog.ddl.down import drops_of
from fsapi_nb.catalog.ddl.read_definitions import read_definitions
from fsapi_nb.catalog.ddl.script import SETTINGS
from fsapi_nb.catalog.difference import difference
from fsapi_nb.catalog.read import read_snapshot
from fsapi_nb.postgres.session import Connection
from tests.catalog.knotty_schema import HOSTILE, KNOTTY, NEWER_KNOTS
from tests.catalog.nasty_schema import NASTY
from tests.conftest import MakeDatabase

ROLES = ("reader", "writer")


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[None]:
    """Roles that rights are given to; gone when the databases that know them are."""
    with psycopg.connect(server, autocommit=True) as connection:
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                connection.execute(f"CREATE ROLE {role}".encode())
        yield
        for role in ROLES:
            connection.execute(f"DROP ROLE {role}".encode())


@pytest.fixture
def pair(roles: None, make_database: MakeDatabase) -> Iterator[tuple[Connection, Connection]]:
    """Connections to two empty databases."""
    with (
        make_database() as one,
        make_database() as other,
        psycopg.connect(one, autocommit=True) as source,
        psycopg.connect(other, autocommit=True) as copy,
    ):
        yield source, copy


def copied(source: Connection, copy: Connection) -> Definitions:
    """The definitions of a database, after they were run in the other one; each has the same text."""
    definitions = read_definitions(source)
    copy.execute(definitions.script().encode())
    assert read_definitions(copy).script() == definitions.script()
    return definitions


def titles(source: Connection, copy: Connection) -> list[str]:
    """What differs, a line each."""
    return [change.title() for change in difference(read_snapshot(source, None), read_snapshot(copy, None))]


def test_the_script_creates_an_equal_database(pair: tuple[Connection, Connection]) -> None:
    """Something of every kind, in an empty database; a password stays out and is named."""
    source, copy = pair
    source.execute(NASTY.encode())
    definitions = copied(source, copy)
    assert titles(source, copy) == ["changed user mapping reader on server far"]
    assert [(each.kind, each.why) for each in definitions.unwritten] == [
        ("user mapping", "options that may be secret are left out: password")
    ]
    assert "hunter2" not in definitions.script()


def test_every_object_of_the_snapshot_has_a_definition(pair: tuple[Connection, Connection]) -> None:
    """Nothing is left out in silence."""
    source, _ = pair
    source.execute(NASTY.encode())
    definitions = read_definitions(source)
    known = {(each.kind, each.identity) for each in definitions.ordered}
    known |= {(each.kind, each.identity) for each in definitions.unwritten}
    assert [each for each in read_snapshot(source, None).objects if (each.kind, each.identity) not in known] == []


def test_what_is_hard_to_write(pair: tuple[Connection, Connection]) -> None:
    """Cycles, trees of partitions, owners, shells and names of constraints; what only newer servers know, too."""
    source, copy = pair
    source.execute(KNOTTY.encode())
    for since, more in NEWER_KNOTS.items():
        if source.info.server_version >= since:
            source.execute(more.encode())
    definitions = copied(source, copy)
    assert titles(source, copy) == []
    assert definitions.unwritten == ()


def test_hostile_names_and_texts(pair: tuple[Connection, Connection]) -> None:
    """Whatever a name, a comment, a label or an argument says, it is only that in the copy."""
    source, copy = pair
    source.execute(HOSTILE.encode())
    definitions = copied(source, copy)
    assert titles(source, copy) == []
    assert definitions.unwritten == ()


def test_what_cannot_be_written_is_named(pair: tuple[Connection, Connection]) -> None:
    """And nothing else differs in the copy."""
    source, copy = pair
    source.execute(
        b"CREATE TABLE a (id int PRIMARY KEY, twice int); CREATE TABLE b (a int CONSTRAINT of_a REFERENCES a)"
    )
    source.execute(b"INSERT INTO a VALUES (1, 1), (2, 1); ALTER TABLE a DISABLE TRIGGER ALL")
    with pytest.raises(psycopg.errors.UniqueViolation):
        source.execute(b"CREATE UNIQUE INDEX CONCURRENTLY broken ON a (twice)")
    source.execute(b"CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p WITH (connect = false)")
    try:
        definitions = copied(source, copy)
        assert [(each.kind, each.identity, each.why) for each in definitions.unwritten] == [
            ("index", "public.broken", "the index is invalid: it is written as one that is valid"),
            ("subscription", "s", "where it connects to may hold a password"),
            ("table constraint", "of_a on public.b", "its triggers are disabled: it is written as one that is kept"),
        ]
        assert titles(source, copy) == [
            "changed index public.broken",
            "removed subscription s",
            "changed table constraint of_a on public.b",
        ]
        assert "hunter2" not in definitions.script()
    finally:
        source.execute(b"ALTER SUBSCRIPTION s SET (slot_name = NONE); DROP SUBSCRIPTION s")


def test_definitions_create_their_objects_one_by_one(pair: tuple[Connection, Connection]) -> None:
    """What stands within a CREATE TABLE in the script, a default or a key, can be created apart, too."""
    source, copy = pair
    source.execute(KNOTTY.encode())
    for statement in SETTINGS:
        copy.execute(statement.encode())
    for definition in read_definitions(source).ordered:
        for statement in definition.create:
            copy.execute(statement.encode())
    assert titles(source, copy) == []


def test_drops_undo_what_was_created(pair: tuple[Connection, Connection]) -> None:
    """In the reverse order nothing is left, and no CASCADE is needed."""
    source, copy = pair
    source.execute(NASTY.encode())
    definitions = copied(source, copy)
    empty = {"schema public", "extension plpgsql"}
    for definition in reversed(definitions.ordered):
        if definition.drop and f"{definition.kind} {definition.identity}" not in empty:
            copy.execute(definition.drop.encode())
    assert {f"{each.kind} {each.identity}" for each in read_snapshot(copy, None).objects} == empty


def test_a_reader_without_rights_reads_the_same(pair: tuple[Connection, Connection]) -> None:
    """Owners apart, of which it is none; it is said that the options of user mappings are not to be seen."""
    source, _ = pair
    source.execute(NASTY.encode())
    everything = read_definitions(source)
    with source.transaction(force_rollback=True):
        source.execute(b"SET LOCAL ROLE writer")
        seen = read_definitions(source)
    assert [each.identity for each in seen.ordered] == [each.identity for each in everything.ordered]
    assert [(each.kind, each.why) for each in seen.unwritten] == [("user mapping", "this role may not see its options")]


def test_privileges_on_what_belongs_to_an_extension(pair: tuple[Connection, Connection]) -> None:
    """The snapshot leaves them out, as it leaves out what an extension makes; the script has them."""
    source, copy = pair
    source.execute(b"CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO writer")
    source.execute(b"CREATE EXTENSION hstore; REVOKE EXECUTE ON FUNCTION hstore(text, text) FROM PUBLIC")
    source.execute(b"CREATE EXTENSION pg_stat_statements; REVOKE SELECT ON pg_stat_statements FROM PUBLIC")
    script = copied(source, copy).script()
    for statement in (
        "GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO writer;",
        "REVOKE EXECUTE ON FUNCTION public.hstore(text, text) FROM PUBLIC;",
        "REVOKE SELECT ON TABLE public.pg_stat_statements FROM PUBLIC;",
    ):
        assert statement in script
    assert script.count("GRANT ") + script.count("REVOKE ") == 3


def test_a_public_schema_that_was_changed(pair: tuple[Connection, Connection]) -> None:
    """It is in every database: owner, privileges and comment are written as far as they are other ones."""
    source, copy = pair
    source.execute(b"REVOKE ALL ON SCHEMA public FROM PUBLIC; COMMENT ON SCHEMA public IS NULL")
    source.execute(b"ALTER SCHEMA public OWNER TO writer; GRANT CREATE ON SCHEMA public TO reader")
    try:
        copied(source, copy)
        assert titles(source, copy) == []
    finally:
        for connection in (source, copy):
            connection.execute(b"DROP SCHEMA public; CREATE SCHEMA public")


def test_a_child_whose_parent_got_columns_later_is_named(pair: tuple[Connection, Connection]) -> None:
    """The columns of parents come first in what is written; that is said."""
    source, copy = pair
    source.execute(b"CREATE TABLE parent (a int); CREATE TABLE child (x int) INHERITS (parent)")
    source.execute(b"ALTER TABLE parent ADD COLUMN b int")
    definitions = copied(source, copy)
    assert titles(source, copy) == ["table public.child: columns in another order"]
    assert [each.identity for each in definitions.unwritten] == ["public.child"]


def test_tables_made_in_any_order_give_the_same_text(pair: tuple[Connection, Connection]) -> None:
    """OIDs and the order of creation do not matter; a foreign key stands with its table where it can."""
    source, copy = pair
    source.execute(b"CREATE TABLE z (id int PRIMARY KEY); CREATE TABLE a (id int PRIMARY KEY, z int)")
    source.execute(
        b"ALTER TABLE a ADD CONSTRAINT of_z FOREIGN KEY (z) REFERENCES z; CREATE VIEW b AS SELECT count(*) AS rows FROM a"
    )
    source.execute(
        b"CREATE TABLE zz (z int CONSTRAINT also REFERENCES z); CREATE INDEX i ON a (z); CREATE INDEX h ON a (id, z)"
    )
    copy.execute(b"CREATE TABLE a (id int, z int); CREATE INDEX h ON a (id, z); CREATE TABLE z (id int PRIMARY KEY)")
    copy.execute(
        b"CREATE TABLE zz (z int CONSTRAINT also REFERENCES z); CREATE VIEW b AS SELECT count(*) AS rows FROM a; CREATE INDEX i ON a (z)"
    )
    copy.execute(b"ALTER TABLE a ADD CONSTRAINT of_z FOREIGN KEY (z) REFERENCES z, ADD PRIMARY KEY (id)")
    script = read_definitions(source).script()
    assert read_definitions(copy).script() == script
    assert script.partition("off;\n")[2] == ORDERED


def test_one_relation_is_read_alone(pair: tuple[Connection, Connection]) -> None:
    """Only what belongs to it, and as one block: what stands in its CREATE TABLE, and what follows."""
    source, _ = pair
    source.execute(
        b"CREATE SEQUENCE s; CREATE TABLE a (id serial PRIMARY KEY, n int DEFAULT nextval('s') CHECK (n > 0))"
    )
    source.execute(b"CREATE TABLE b (a int REFERENCES a); CREATE INDEX i ON a (n); CREATE INDEX other ON b (a)")
    ((oid,),) = source.execute(b"SELECT 'a'::regclass::oid").fetchall()
    alone, everything = read_definitions(source, relation=oid), read_definitions(source)
    assert {each.identity for each in alone.ordered} == {each.identity for each in everything.of("public.a")}
    assert alone.block("public.a") == everything.block("public.a") == BLOCK


ORDERED = """
CREATE TABLE public.a (
    id integer NOT NULL,
    z integer,
    CONSTRAINT a_pkey PRIMARY KEY (id)
);
CREATE INDEX h ON public.a USING btree (id, z);
CREATE INDEX i ON public.a USING btree (z);

CREATE TABLE public.z (
    id integer NOT NULL,
    CONSTRAINT z_pkey PRIMARY KEY (id)
);

CREATE TABLE public.zz (
    z integer
);
ALTER TABLE public.zz ADD CONSTRAINT also FOREIGN KEY (z) REFERENCES public.z(id);

CREATE VIEW public.b AS
 SELECT count(*) AS rows
   FROM public.a;

ALTER TABLE public.a ADD CONSTRAINT of_z FOREIGN KEY (z) REFERENCES public.z(id);
"""
BLOCK = """\
CREATE SEQUENCE public.a_id_seq AS integer;

CREATE TABLE public.a (
    id integer DEFAULT nextval('public.a_id_seq'::regclass) NOT NULL,
    n integer DEFAULT nextval('public.s'::regclass),
    CONSTRAINT a_pkey PRIMARY KEY (id),
    CONSTRAINT a_n_check CHECK ((n > 0))
);
ALTER SEQUENCE public.a_id_seq OWNED BY public.a.id;
CREATE INDEX i ON public.a USING btree (n);"""


def test_what_the_script_creates_can_be_dropped_in_the_reverse_order(pair: tuple[Connection, Connection]) -> None:
    """A DOWN of everything leaves an empty database, whatever hangs on what."""
    source, copy = pair
    before = read_snapshot(copy, None)
    source.execute(NASTY.encode())
    definitions = copied(source, copy)
    copy.execute("\n".join(drops_of(definitions.ordered)).encode())
    assert [each.title() + str(each.after) for each in difference(before, read_snapshot(copy, None))] == []


def test_what_goes_with_a_table_is_not_dropped_apart(pair: tuple[Connection, Connection]) -> None:
    """Keys, indexes and sequences of serial columns go with their table; a key of tables that refer to each other does not."""
    source, _ = pair
    source.execute(
        b"""
        CREATE TYPE mood AS ENUM ('ok');
        CREATE TABLE a (id serial PRIMARY KEY, b int, m mood);
        CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a, CHECK (id > 0));
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;
        CREATE INDEX ON a (b);
        CREATE VIEW v AS SELECT * FROM b;
        """
    )
    assert drops_of(read_definitions(source).ordered) == (
        "ALTER TABLE public.a DROP CONSTRAINT a_b_fkey;",
        "DROP VIEW public.v;",
        "DROP TABLE public.b;",
        "DROP TABLE public.a;",
        "DROP TYPE public.mood;",
    )


def test_what_is_hard_to_write_can_be_dropped(pair: tuple[Connection, Connection]) -> None:
    """Cycles and trees of partitions, too."""
    source, copy = pair
    before = read_snapshot(copy, None)
    source.execute(KNOTTY.encode())
    for since, more in NEWER_KNOTS.items():
        if source.info.server_version >= since:
            source.execute(more.encode())
    definitions = copied(source, copy)
    copy.execute("\n".join(drops_of(definitions.ordered)).encode())
    assert [each.title() + str(each.after) for each in difference(before, read_snapshot(copy, None))] == []


def test_two_keys_on_the_same_columns_are_both_created(pair: tuple[Connection, Connection]) -> None:
    """Within one CREATE TABLE, PostgreSQL makes one of them and says nothing."""
    source, copy = pair
    source.execute(b"CREATE TABLE a (b int PRIMARY KEY, c int CONSTRAINT one UNIQUE)")
    source.execute(b"ALTER TABLE a ADD CONSTRAINT two UNIQUE (c), ADD CONSTRAINT three UNIQUE (b)")
    copied(source, copy)
    assert titles(source, copy) == []
