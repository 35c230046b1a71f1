"""What a script has made itself is locked, and lost, for nobody; what it moves first is not lost."""

from __future__ import annotations

import pytest

from fsapi_nb.model.action import Action, Condition
from tests.actions.scripts import actions_of_script
from tests.script.reading import read


def script(text: str) -> list[list[Action]]:
    """What each statement of an UP does."""
    return [list(actions) for actions in actions_of_script(read(f"-- UP\n{text}").up.parsed.statements)]


def last(text: str) -> Action:
    """What the last statement of an UP does."""
    return script(text)[-1][-1]


def lost(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """What an UP destroys, and where it was copied to before."""
    return [(loss.name, loss.copied_to) for actions in script(text) for each in actions for loss in each.destroys]


OWN = [
    "CREATE TABLE a (id int); CREATE INDEX ON a (id);",
    "CREATE TABLE a (id int); CREATE INDEX i ON public.a (id); DROP INDEX i;",
    "CREATE TABLE public.a (id int); ALTER TABLE a ADD COLUMN n serial;",
    "CREATE TABLE a (id int); ALTER TABLE a RENAME TO b; ALTER TABLE b ALTER COLUMN id TYPE text;",
    "CREATE TABLE a (id int); ALTER TABLE a SET SCHEMA shop; TRUNCATE shop.a;",
    "CREATE TABLE a (id int) PARTITION BY LIST (id); CREATE TABLE b PARTITION OF a DEFAULT;",
    "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);",
    "CREATE TEMP TABLE a (id int); DROP TABLE a;",
    "CREATE TABLE a (id int); INSERT INTO a VALUES (1);",
    "CREATE VIEW a AS SELECT 1 AS one; DROP VIEW a;",
    "CREATE SEQUENCE a; ALTER SEQUENCE a RESTART;",
]


@pytest.mark.parametrize("text", OWN)
def test_what_a_script_has_made_is_locked_for_nobody(text: str) -> None:
    """Neither a lock on it, nor work on it while it is empty, is worth a word; nor is its end."""
    action = last(text)
    assert (action.locks, list(action.work), action.destroys) == ((), [], ())


OTHERS = [
    ("CREATE TABLE a (id int); CREATE INDEX ON b (id);", "b"),
    ("CREATE TABLE a (id int); CREATE INDEX ON shop.a (id);", "shop.a"),
    ("CREATE TABLE a (id int); DROP TABLE a; ALTER TABLE a ADD COLUMN n int;", "a"),
    ("CREATE TABLE a (id int); ALTER TABLE a RENAME TO b; ALTER TABLE a ADD COLUMN n int;", "a"),
    ("ALTER TABLE a RENAME TO b; ALTER TABLE b ADD COLUMN n int;", "b"),
    ("CREATE INDEX i ON a (id); DROP INDEX i;", "a"),
    ("CREATE TABLE a (id int REFERENCES b); DROP TABLE a;", "the tables that a refers to"),
    (
        "CREATE TABLE a (id int) PARTITION BY LIST (id); ALTER TABLE a ATTACH PARTITION b DEFAULT; DROP TABLE a;",
        "the partitions of a",
    ),
]


@pytest.mark.parametrize(("text", "tables"), OTHERS)
def test_what_was_there_before_is_locked(text: str, tables: str) -> None:
    """A table of the same name as one that was made, or one that has to do with it, is another table."""
    assert tables in {str(lock.tables) for lock in last(text).locks}


def test_a_table_that_may_have_been_there_before_is_locked_if_it_was() -> None:
    """IF NOT EXISTS says that nobody knows."""
    conditions = {
        lock.condition for lock in last("CREATE TABLE IF NOT EXISTS a (id int); CREATE INDEX ON a (id);").locks
    }
    assert conditions == {Condition.IF_EXISTS}


FILLED = [
    "CREATE TABLE a (id int); INSERT INTO a SELECT id FROM b; CREATE INDEX ON a (id);",
    "CREATE TABLE a AS SELECT * FROM b; CREATE INDEX ON a (id);",
    "CREATE TABLE a (id int); INSERT INTO a SELECT id FROM b; ALTER TABLE a RENAME TO c; CREATE INDEX ON c (id);",
]


@pytest.mark.parametrize("text", FILLED)
def test_work_on_a_filled_table_takes_time(text: str) -> None:
    """Nobody waits for a new table; but the rest of the script does, and who waits for that."""
    action = last(text)
    assert action.locks == ()
    assert action.builds_index


KEPT = [
    ("ALTER TABLE t ADD COLUMN b text; UPDATE t SET b = a; ALTER TABLE t DROP COLUMN a;", [("t.a", ("t.b",))]),
    ("UPDATE public.t SET b = lower(a) || c; ALTER TABLE t DROP COLUMN a;", [("t.a", ("public.t.b",))]),
    ("UPDATE t SET b = x.c FROM x WHERE x.id = t.id; ALTER TABLE x DROP COLUMN c;", [("x.c", ("t.b",))]),
    ("UPDATE t SET b = y.c FROM x AS y WHERE y.id = t.id; DROP TABLE x;", [("x", ("t.b",))]),
    ("INSERT INTO n (k, v) SELECT id, a FROM t; ALTER TABLE t DROP COLUMN a;", [("t.a", ("n.v",))]),
    ("INSERT INTO n SELECT * FROM t; DROP TABLE t;", [("t", ("n",))]),
    ("INSERT INTO n SELECT a FROM t UNION ALL SELECT b FROM u; DROP TABLE u;", [("u", ("n",))]),
    ("CREATE TABLE n AS SELECT id, a FROM t; TRUNCATE t;", [("t", ("n",))]),
    ("WITH m AS (DELETE FROM t RETURNING *) INSERT INTO n SELECT * FROM m;", [("t", ("n",))]),
    ("UPDATE t SET b = a; ALTER TABLE t RENAME COLUMN a TO c; ALTER TABLE t DROP COLUMN c;", [("t.c", ("t.b",))]),
    ("INSERT INTO n SELECT * FROM t; ALTER TABLE t RENAME TO u; DROP TABLE u;", [("u", ("n",))]),
]


@pytest.mark.parametrize(("text", "expected"), KEPT)
def test_what_was_copied_before_is_not_lost(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    """A reader is told where the values are, and not that they are lost for good."""
    assert lost(text) == expected


LOST = [
    "ALTER TABLE t DROP COLUMN a; UPDATE t SET b = c;",
    "UPDATE t SET a = a || 'x'; ALTER TABLE t DROP COLUMN a;",
    "UPDATE t SET b = c FROM x WHERE x.id = t.id; ALTER TABLE t DROP COLUMN a;",
    "UPDATE t SET b = 'a'; ALTER TABLE t DROP COLUMN a;",
    "INSERT INTO n SELECT a FROM t, u; ALTER TABLE t DROP COLUMN a;",
    "INSERT INTO n SELECT b FROM t; ALTER TABLE t DROP COLUMN a;",
    "UPDATE t SET b = a; ALTER TABLE u DROP COLUMN a;",
]


@pytest.mark.parametrize("text", LOST)
def test_what_was_not_copied_is_lost(text: str) -> None:
    """Where it is not plain that a column was copied, it counts as lost."""
    assert [copied for _, copied in lost(text)] == [()]


def test_rows_of_which_some_columns_are_copied_are_lost_in_part() -> None:
    """A table is not known to be safe because one of its columns is; and a copy within it goes with its rows."""
    (loss,) = last("INSERT INTO n (k) SELECT id FROM t; DROP TABLE t;").destroys
    assert loss.partly
    (loss,) = last("INSERT INTO n SELECT * FROM t; DROP TABLE t;").destroys
    assert not loss.partly
    assert lost("UPDATE t SET b = a; DELETE FROM t WHERE b = 1;") == [("t", ())]


def test_the_copy_is_lost_with_its_table() -> None:
    """A table that the script has made holds data from the moment on at which it is the only place that has them."""
    assert lost("CREATE TABLE n AS SELECT * FROM t; DROP TABLE t; DROP TABLE n;") == [("t", ("n",)), ("n", ())]
    assert lost("CREATE TABLE n AS SELECT * FROM t; DROP TABLE n;") == []
    assert lost("ALTER TABLE t ADD COLUMN n int; ALTER TABLE t DROP COLUMN n;") == []
    assert lost("ALTER TABLE t ADD n int; UPDATE t SET n = a; ALTER TABLE t DROP a; ALTER TABLE t DROP n;") == [
        ("t.a", ("t.n",)),
        ("t.n", ()),
    ]
