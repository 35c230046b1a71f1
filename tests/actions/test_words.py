"""What is said of statements, kept in golden files; and that nothing which SQL can say is left without a word."""

from __future__ import annotations

import re
import time

import pytest
from postgast import pg_query_pb2

from fsapi_nb.actions import lock_rules, statement
from fsapi_nb.actions.statement import actions_of
from tests.actions import written
from tests.test_architecture import in_room, own_imports

#: What stands in other statements only.
PARTS = {"raw_stmt", "set_operation_stmt", "return_stmt", "plassign_stmt", "replica_identity_stmt"}
#: What the server makes of other subcommands, and no text can say.
INTERNAL = {
    "AT_AddColumnToView",
    "AT_CookedColumnDefault",
    "AT_AddIndex",
    "AT_ReAddIndex",
    "AT_ReAddConstraint",
    "AT_ReAddDomainConstraint",
    "AT_AddIndexConstraint",
    "AT_ReAddComment",
    "AT_ReplaceRelOptions",
    "AT_ReAddStatistics",
}


@pytest.mark.parametrize("name", ["example", "statements"])
def test_the_words_are_those_of_the_golden_file(name: str) -> None:
    """`python -m tests.actions.written` writes the files anew."""
    assert (written.GOLDEN / f"{name}.txt").read_text(encoding="utf-8") == getattr(written, name)()


def test_each_statement_of_the_grammar_is_known() -> None:
    """A new version of the parser brings new statements: each gets a rule, or says that it is unknown."""
    grammar = {field.name for field in pg_query_pb2.Node.DESCRIPTOR.fields if field.name.endswith("_stmt")}
    special = {"select_stmt", "create_schema_stmt"}
    known = {*statement.STATEMENTS, *lock_rules.WITHOUT_TABLES, *lock_rules.RUN_UNKNOWN, *special}
    assert grammar - PARTS == known


def test_each_subcommand_of_alter_table_is_known() -> None:
    """Each has a rule; ADD CONSTRAINT has one for each kind of constraint."""
    grammar = {each.name for each in pg_query_pb2.AlterTableType.DESCRIPTOR.values if each.name.startswith("AT_")}
    assert grammar - INTERNAL == {*lock_rules.SUBCOMMANDS, "AT_AddConstraint"}


def test_a_statement_without_a_rule_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """What no rule knows is not guessed."""
    monkeypatch.delitem(statement.STATEMENTS, "lock_stmt")
    (action,) = actions_of("LOCK TABLE orders")
    assert action.unknown == "what the statement does"
    monkeypatch.delitem(lock_rules.SUBCOMMANDS, "AT_SetLogged")
    (action,) = actions_of("ALTER TABLE orders SET LOGGED")
    assert action.unknown == "what the subcommand does"


def test_names_are_quoted_where_they_must_be() -> None:
    """A name can be looked up as it is said."""
    (action,) = actions_of('ALTER TABLE "Shop"."Order ""Lines""" DROP COLUMN "a.b"')
    assert action.object == ("column", '"Shop"."Order ""Lines"""."a.b"')


def test_a_thousand_statements_are_read_in_a_moment() -> None:
    """So the plan of as many files is made in less than a second."""
    text = (written.GOLDEN / "statements.sql").read_text(encoding="utf-8")
    statements = (re.findall(r".+", text) * 20)[:1000]
    before = time.process_time()
    for each in statements:
        actions_of(each)
    assert time.process_time() - before < 0.4


@pytest.mark.parametrize("room", ["script", "folder", "plan", "history", "run"])
def test_a_run_does_not_ask(room: str) -> None:
    """What a statement does is found out when a plan is shown: `migrate` asks only whose rows it has changed."""
    users = {
        (module, other) for module in in_room(room) for other in own_imports(module) if other.startswith("actions")
    }
    assert users == ({("run.row_tally", "actions.target")} if room == "run" else set())
