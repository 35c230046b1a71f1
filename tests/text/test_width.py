"""How wide text is: the same in tables, broken lines and pictures."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fsapi_nb.text.width import text_width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        ("a\u0300\u0316", 1),
        ("e\u20dd", 1),
        ("\u200d", 0),
        ("각", 2),
        ("→ ✓ …", 5),
        ("\N{GRINNING FACE}", 2),
        ("½①ﷺ", 3),
    ],
    ids=ascii,
)
def test_a_text_has_the_width_that_a_terminal_gives_it(text: str, columns: int) -> None:
    """Wide characters, those that combine, joiners, and signs whose width is ambiguous."""
    assert text_width(text) == columns


def test_ascii_needs_no_tables_of_widths() -> None:
    """A terminal's verb that says nothing else does not wait for them."""
    code = "import sys; from fsapi_nb.text.width import text_width; text_width('abc'); print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
