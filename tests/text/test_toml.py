"""Settings as hints write them: to be pasted into pyproject.toml, whatever name or text is in them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from fsapi_nb.text.toml import written_setting

_TEXTS = st.text(st.characters(codec="utf-8"))  # without surrogates, as a file in UTF-8 is


@given(_TEXTS, st.lists(_TEXTS))
def test_a_setting_that_is_pasted_has_the_value_that_was_meant(text: str, texts: list[str]) -> None:
    """Quotes, backslashes, control characters and letters of every script come back."""
    assert tomllib.loads(written_setting("schema", text)) == {"schema": text}
    assert tomllib.loads(written_setting("schemas", texts)) == {"schemas": texts}
