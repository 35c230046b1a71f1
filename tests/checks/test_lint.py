"""What lint finds in scripts without a database: golden findings, with squawk and without."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest

from fsapi_nb.checks.files import plan_of
from fsapi_nb.checks.rules import OWN_RULES
from fsapi_nb.checks.settings import LintSettings
from fsapi_nb.checks.squawk import Squawk, find_squawk
from fsapi_nb.folder.read import read_folder
from fsapi_nb.model.finding import FindingLevel, FoldReason
from fsapi_nb.model.folder import FileReading, Folder
from fsapi_nb.text.safe import visible
from tests.checks import written
from tests.checks.scripts import migration
from tests.checks.written import NAME, cases, linted, of_folder
from tests.conftest import ROOT


def test_the_findings_are_those_of_the_golden_file() -> None:
    """`python -m tests.checks.written` writes the file anew."""
    assert (written.GOLDEN / "findings.txt").read_text(encoding="utf-8") == written.findings()


@pytest.mark.parametrize(("title", "script"), list(cases()), ids=[title for title, _ in cases()])
def test_without_squawk_the_own_findings_are_the_same(title: str, script: str) -> None:
    """The extra adds rules and columns: what is known without it says the same words of the same statements."""
    of_both = [
        (each.rule, each.line, each.message, each.level, each.folded)
        for each in linted(script, find_squawk()).findings
        if each.rule in OWN_RULES
    ]
    alone = [(each.rule, each.line, each.message, each.level, each.folded) for each in linted(script, None).findings]
    if title != "rules that are switched off":  # squawk knows the line of a subcommand, which a comment may be above of
        assert sorted(map(str, of_both)) == sorted(map(str, alone))


def test_the_example_has_few_findings_to_stop_at() -> None:
    """Of the example project's 28 files, three statements wait for a whole table; data that is moved is not lost."""
    found = of_folder(read_folder(ROOT / "migrations", "migrations"))
    stops = [(each.place.file[17:-4], each.line, each.rule) for each in found.stops]
    assert stops == [
        ("add_users_full_name", 15, "adding-not-nullable-field"),
        ("change_products_price", 17, "adding-not-nullable-field"),
        ("add_articles_search", 7, "require-concurrent-index-creation"),
    ]
    moved = [each.message for each in found.shown if each.rule == "ban-drop-column"]
    assert moved[1:] == [
        f"programs that use the column users.{column} fail; its values were copied to user_profiles.{column} before"
        for column in ("bio", "avatar_url", "website")
    ]
    assert found.notes == ()


def test_rules_may_be_off_or_stop() -> None:
    """Settings go before what the rule is, and before what the facts make of it."""
    script = (
        "ALTER TABLE a RENAME TO b;\nDROP TABLE c;\nCREATE TABLE e AS SELECT x FROM d;\nALTER TABLE d DROP COLUMN x;\n"
    )
    settings = LintSettings(frozenset({"ban-drop-table"}), frozenset({"renaming-table", "ban-drop-column"}))
    found = linted(script, find_squawk(), settings).findings
    assert [(each.rule, each.level) for each in found] == [
        ("renaming-table", FindingLevel.STOP),
        ("ban-drop-column", FindingLevel.STOP),
        ("working-under-lock", FindingLevel.WARN),
    ]


def test_a_finding_about_what_the_file_makes_is_folded() -> None:
    """Nobody waits for a table that nobody can see yet; `--check` does not fail for it."""
    found = linted("-- UP\nCREATE TABLE a (x text);\nDROP TABLE public.a;\n", find_squawk())
    assert [(each.rule, each.folded) for each in found.findings] == [("ban-drop-table", FoldReason.NEW)]
    assert found.stops == found.shown == ()


def test_the_gravest_findings_come_first() -> None:
    """Of one file, what to stop at, then warnings, then notes; each by its place."""
    found = linted(
        "CREATE TABLE a (id serial);\nALTER TABLE b RENAME TO c;\nDROP TABLE d;\nDROP TABLE e;\n", find_squawk()
    )
    assert [(each.level.value, each.line) for each in found.findings] == [
        ("stop", 3),
        ("stop", 4),
        ("warn", 2),
        ("note", 1),
        ("note", 1),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_and_columns_are_those_of_the_file(end: str) -> None:
    """Whatever stands before: umlauts, emoji, comments, strings with markers, other line ends."""
    script = end.join(
        ["-- ä", "-- UP", "INSERT INTO a VALUES ('", "-- DOWN", "😀'); /* ü */ ALTER TABLE", "  b DROP COLUMN c;", ""]
    )
    (found,) = linted(script, find_squawk()).findings
    assert (found.place.line, found.place.column, found.line) == (6, 5, 5)
    assert found.place.excerpt() == ["  6 |   b DROP COLUMN c;", "    |     ^"]


def test_a_secret_in_the_line_is_starred() -> None:
    """The caret stands where the statement is in the line as it is shown."""
    (found,) = linted("CREATE ROLE a PASSWORD 'hunter2'; DROP TABLE b;\n", find_squawk()).findings
    source, caret = found.place.excerpt()
    assert "hunter2" not in source
    assert source[caret.index("^") :] == "DROP TABLE b;"


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\u202eb", 'a"b', "</td>", "a\nb", "$x$", "a" * 63])
def test_hostile_names_break_nothing(name: str) -> None:
    """They are found like any other, and nothing of them reaches a terminal as it is."""
    quoted = '"' + name.replace('"', '""') + '"'
    found = linted(f"ALTER TABLE {quoted} DROP COLUMN {quoted};\n", find_squawk()).findings
    assert [each.rule for each in found] == ["ban-drop-column"]
    assert visible(found[0].message).isprintable() or "\n" in name


def test_a_large_seed_is_read_quickly() -> None:
    """There is no rule for INSERTs of constants: twenty thousand take a few seconds of this processor, at the most."""
    script = "CREATE TABLE a (x int);\n" + "INSERT INTO a VALUES (1);\n" * 20_000
    before = time.process_time()
    found = linted(script, None)
    assert time.process_time() - before < 5
    assert (len(found.names), found.findings) == (1, ())


def test_a_script_that_is_too_long_for_squawk_is_named() -> None:
    """fsapi_nb's own rules read it all the same."""
    script = f"COMMENT ON TABLE a IS '{'x' * 10}';\nCREATE VIEW v AS SELECT '{'x' * (1 << 20)}';\nDROP TABLE a;\n"
    found = linted(script, find_squawk())
    assert [each.rule for each in found.findings] == ["ban-drop-table"]
    assert found.notes == (f"squawk did not read {NAME}: it is too long",)
    names = [f"2026_01_01_00_0{number}_x.sql" for number in range(4)]
    texts = dict.fromkeys(names[:3], f"-- UP\n{script}") | {names[3]: "-- UP\nDROP VIEW v;\n"}
    folder = Folder(dict.fromkeys(names, ""), read=lambda name: FileReading(migration(texts[name], name)))
    assert "ban-drop-view" in {each.rule for each in of_folder(folder, find_squawk()).findings}


def failing(folder: Path, body: str) -> Squawk:
    path = folder / "squawk"
    path.write_text(f"#!{sys.executable}\nimport sys\nopen({str(folder / 'runs')!r}, 'a').write('x')\n{body}\n")
    path.chmod(0o700)
    return Squawk(str(path))


def test_squawk_is_not_run_again_and_again_if_it_fails(tmp_path: Path) -> None:
    """Twice is enough: own findings are there, and a note says of how many files squawk said nothing."""
    folder = Folder(
        {f"2026_01_01_00_0{number}_x.sql": "" for number in range(6)},
        read=lambda name: FileReading(migration("-- UP\nDROP TABLE a;\n", name)),
    )
    found = of_folder(folder, failing(tmp_path, "sys.exit(3)"))
    assert [each.rule for each in found.findings] == ["ban-drop-table"] * 6
    assert (tmp_path / "runs").read_text() == "xx"
    assert [str(note) for note in found.notes] == [
        "squawk did not read 2026_01_01_00_00_x.sql and 1 other migration: it ended with code 3",
        "squawk has not read 4 more migrations",
    ]


def test_a_file_with_faults_is_something_to_stop_at() -> None:
    """What keeps a file from running is said in its place, and the others are looked at."""
    sound = migration("-- UP\nDROP TABLE a;\n")
    broken = migration("-- UP\nDROP TABLE;\n", "b.sql")
    folder = Folder({"a.sql": "", "b.sql": ""}, read=lambda name: FileReading(broken if name == "b.sql" else sound))
    plan, faults = plan_of(["a.sql", "b.sql"], folder)
    assert [part.migration for step in plan.steps for part in step.parts] == [sound]
    assert [(each.rule, each.level, each.place.line, each.message) for each in faults] == [
        ("faulty-script", FindingLevel.STOP, 2, 'syntax error at or near ";"')
    ]


def test_the_documentation_lists_each_own_rule_with_its_level() -> None:
    """And no other; what it says of squawk's rules is not listed."""
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| (stop|warn|note) \|", text, re.MULTILINE)
    listed = {name: level for names, level in rows for name in re.findall(r"`([a-z-]+)`", names) if "-" in name}
    assert listed == {name: rule.level.value for name, rule in OWN_RULES.items()} | {"faulty-script": "stop"}
