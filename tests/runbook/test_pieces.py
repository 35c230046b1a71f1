"""What a runbook's run is made of, each alone: parameters, sections, masks, and HTML of others."""

from __future__ import annotations

import base64
import math
import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fsapi_nb.runbook.parameters import Parameter, bind, find_parameters, infer, injected_source, secret_source
from fsapi_nb.runbook.provenance import find_provenance
from fsapi_nb.runbook.sanitise import harmless, harmless_table
from fsapi_nb.runbook.sections import assign_sections, runs
from fsapi_nb.text.masking import Mask
from tests.canary import CANARY, traces
from tests.runbook.conftest import code, raw, text

# -- parameters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("True", True),
        ("False", False),
        ("None", None),
        ("12", 12),
        ("-1.5", -1.5),
        ("1e3", 1000.0),
        ("true", "true"),
        ("", ""),
        ("007x", "007x"),
        ("a=b", "a=b"),
    ],
)
def test_types_are_those_that_papermill_infers(written: str, value: object) -> None:
    """True, False, None, whole numbers, numbers, else the text."""
    assert infer(written) == value
    assert type(infer(written)) is type(value)


def test_the_parameters_are_what_the_cell_assigns() -> None:
    """Annotated or not, magics passed over; secret by name, or by a comment behind the value."""
    source = (
        "%matplotlib inline\na = 1\nb: str = 'x # secret'\nc = None  # a Secret\nimport os\nDB_PASSWORD = 'p'\nd: int"
    )
    found = find_parameters(source)
    assert [(each.name, each.default, each.secret) for each in found] == [
        ("a", "1", False),
        ("b", "'x # secret'", False),
        ("c", "None", True),
        ("DB_PASSWORD", "'p'", True),
    ]


def test_a_secret_is_told_of_and_not_injected() -> None:
    """Its value is set apart from the cells; where it is not given, it is the variable of its name."""
    parameters = [Parameter("a", "1", 1), Parameter("key", "''", "")]
    bound = bind(parameters, {"a": math.inf}, secrets=["key"], environment={"key": "abcdef"})
    assert injected_source(bound) == "# Parameters\na = float('inf')\n# key: secret, not kept"
    assert secret_source(bound) == "key = 'abcdef'"
    assert "abcdef" not in repr(bound)


# -- sections ----------------------------------------------------------------------------------------------------------


def chosen(cells: list[Any], *, rollback: bool) -> list[str]:
    return [each.cell["id"] for each in assign_sections(cells) if runs(each, rollback=rollback)]


def test_a_tag_on_a_heading_holds_for_its_section() -> None:
    """So that a cell which somebody adds to the rollback, and does not tag, is not run with the rest."""
    cells = [
        code("1", "parameters", id="p"),
        text("## Before", "preconditions"),
        code("1", id="before"),
        text("## Apply"),
        code("1", id="apply"),
        text("## Back", "rollback"),
        text("### In two steps"),
        code("1", id="back"),
        raw("1", id="raw"),
        text("## After"),
        code("1", id="after"),
        raw("1", id="notes"),
        code("  \n", id="empty"),
    ]
    assert chosen(cells, rollback=False) == ["p", "before", "apply", "after"]
    assert chosen(cells, rollback=True) == ["p", "before", "back", "raw"]


# -- masks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        "it's <a>&b",
        "it\\'s <a>&b",
        "it&#x27;s &lt;a&gt;&amp;b",
        "it%27s%20%3Ca%3E%26b",
        "it''s <a>&b",
        "it\x1b[1m's <a>&b\x1b[0m",
    ],
)
def test_a_secret_is_found_however_it_is_written(shown: str) -> None:
    """As Python, HTML, URLs, SQL and colours have it."""
    assert Mask(["it's <a>&b"]).text(f"({shown})") == "(***)"


TOKEN = "eyX4kQ7vZr9wX2mB5tN8pL3sD6fG1hJ0cV7bM2qW9eR4"
PHRASE = "correct horse battery staple"


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        (TOKEN, f"a {TOKEN[:40]}... b"),
        (TOKEN, f"a {TOKEN[:20]}\u2026 b"),
        (TOKEN, f"a {TOKEN[:6]}... b"),
        (TOKEN, f"a ...{TOKEN[-9:]} b"),
        (TOKEN, f"a {TOKEN[:30]} b"),
        (TOKEN, f"a {TOKEN[-20:]} b"),
        (TOKEN, f"a {TOKEN[:20]}\n{TOKEN[20:]} b"),
        (TOKEN, f"a {TOKEN[:20]}<br>{TOKEN[20:]} b"),
        (TOKEN, f"a {base64.b64encode(TOKEN.encode()).decode()} b"),
        (PHRASE, "a correct horse\n     battery staple b"),
        (PHRASE, "a correct horse '\n 'battery staple b"),
        (PHRASE, "a correct horse bat... b"),
        (PHRASE, "a correct%20horse%20battery%20staple b"),
    ],
)
def test_a_secret_is_found_where_it_is_cut_or_wrapped(secret: str, shown: str) -> None:
    """By a frame, a printer, the end of a line, and in base64; what is beside it stays."""
    masked = Mask([secret]).text(shown)
    assert not traces(masked, secret)
    assert masked.startswith("a ")
    assert masked.endswith(" b")


def test_what_only_resembles_a_secret_stays() -> None:
    """The words of a phrase, and numbers with blanks between them."""
    text = "the correct horse; a battery of tests\n1234 5 rows, staple"
    assert Mask([PHRASE, "12345"]).text(text) == text


@pytest.mark.parametrize("form", ["Basic {}", "{}"])
def test_a_password_in_a_header_is_found(form: str) -> None:
    """With the name of the user in front of it."""
    written = form.format(base64.b64encode(f"shop:{PHRASE}".encode()).decode())
    assert not traces(Mask([PHRASE]).text(written), PHRASE)


def test_documents_are_masked_throughout() -> None:
    """Keys, texts in lists, and numbers."""
    assert Mask([12345, "secret"]).document({"a secret": [12345, 1, True, {"x": "secret"}]}) == {
        "a ***": ["***", 1, True, {"x": "***"}]
    }


# -- HTML of others ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<b onclick=x>a</b>", "<b>a</b>"),
        ("<script>alert(1)</script>a", "a"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("</div></main>a<div>", "a<div></div>"),
        ("<a href='javascript:x'>a</a>", "a"),
        (
            "<style>*{}</style><p style='color:red;position:fixed;background:url(//x)'>a</p>",
            '<p style="color:red">a</p>',
        ),
        (
            "<svg><use href='//x'/><script>1</script><path d='M0' fill='url(//x)'/></svg>",
            '<svg><path d="M0"></path></svg>',
        ),
        ("<!-- a --><?x ?>b &lt;i&gt;", "b &lt;i&gt;"),
        ("<p id='cell-1'>a</p>", '<p id="out-cell-1">a</p>'),
        ("<iframe srcdoc='x'>a", ""),
        (
            "<svg><foreignObject><img src=x onerror=1></foreignObject><title>a<b>b</b></title></svg>",
            "<svg><title>a</title></svg>",
        ),
        (
            "<img alt='a > b' src='data:image/svg+xml,%3Csvg%3E' onload=1><img src='data:text/html,a'><img src='//x'><img alt=' src='>",
            '<img alt="a &gt; b" src="data:image/svg+xml,%3Csvg%3E">',
        ),
        ("<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>", "<svg></svg><p></p>'&gt;"),
        ("<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>", ""),
        ("<p style='background:u\\72l(//x);background:URL(x);color:red}*{x;width:expression(1)'>a", "<p>a</p>"),
        (
            "<p style=\"color:red;background:image-set('//x' 1x);border:1px solid 'https://x'\">a",
            '<p style="color:red">a</p>',
        ),
        (
            "<svg viewBox='0 0 9 9' style='max-width:none;overflow-x:auto'><linearGradient id='a'/><g fill='url(#a)'/></svg>",
            (
                '<svg viewBox="0 0 9 9" style="max-width:none;overflow-x:auto"><linearGradient id="out-a"></linearGradient>'
                '<g fill="url(#out-a)"></g></svg>'
            ),
        ),
        ("<a href='//x'>a</a><form action='//x'><input value=b><button formaction='//x'>c</button></form>", "ac"),
    ],
)
def test_nothing_but_looks_is_left_of_html(html: str, kept: str) -> None:
    """No script, no address, no way out of its place."""
    assert harmless(html) == kept


def test_of_a_dataframe_the_table_is_left() -> None:
    """Without the style sheet that pandas puts beside it."""
    frame = '<div><style scoped>.dataframe{}</style><table border="1" class="dataframe mathjax_ignore"><tr><td>a<b>b</b></td></tr></table></div>'
    assert harmless_table(frame) == "<div><table><tbody><tr><td>ab</td></tr></tbody></table></div>"


# -- where from --------------------------------------------------------------------------------------------------------


def _git(folder: Path, *words: str) -> str:
    named = ("-c", "user.name=n", "-c", "user.email=e")
    return subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, of which each program that its configuration names leaves a file `ran`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "repository"
    folder.mkdir()
    _git(folder, "init", "-q")
    (folder / "a.txt").write_text("a")
    (folder / ".gitattributes").write_text("a.txt filter=a=b\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "-qm", "first")
    trap = f"sh -c 'env > {shlex.quote(str(tmp_path / 'ran'))}; cat' --"
    for name in ("filter.a=b.clean", "core.fsmonitor", "core.sshCommand", "remote.origin.uploadpack", "core.pager"):
        _git(folder, "config", name, trap)
    _git(folder, "config", "filter.a=b.required", "true")
    os.utime(folder / "a.txt", (0, 0))  # so that git compares its content
    return folder


def test_git_runs_no_program_of_a_repository(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its filters would run where a file is compared; then that one is compared as it is. Nor is git told of secrets."""
    commit = _git(repository, "rev-parse", "HEAD").strip()
    monkeypatch.setenv("SHOP_TOKEN", CANARY)
    monkeypatch.setenv("SHOP", f"postgresql://u:{CANARY}@h/d")
    run, told = subprocess.run, list[Any]()

    def noted(command: list[str], **options: Any) -> Any:
        told.append((command, options["env"]))
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    found = find_provenance(repository)
    monkeypatch.setattr(subprocess, "run", run)
    assert told
    assert not traces(str(told))
    assert (found.commit, found.changed) == (commit, False)
    (repository / "a.txt").write_text("b")
    assert find_provenance(repository).changed is True
    assert not (repository.parent / "ran").exists()
    _git(repository, "status")
    assert (repository.parent / "ran").exists(), "the filter is a trap"


def test_git_fetches_nothing(repository: Path) -> None:
    """An object that is missing would be fetched by a program of the repository; nothing is said of changes, then."""
    tree = _git(repository, "rev-parse", "HEAD^{tree}").strip()
    shutil.copytree(repository, repository.parent / "origin")
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": str(repository.parent / "origin"),
        "remote.origin.promisor": "true",
    }.items():
        _git(repository, "config", name, value)
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    found = find_provenance(repository)
    assert found.commit is not None
    assert found.changed is None
    assert not (repository.parent / "ran").exists()
