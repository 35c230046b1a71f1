"""Text whose control characters can be seen, and do nothing: for errors, terminals, and all that is shown of others."""

from __future__ import annotations

import unicodedata


class _Written(dict[int, str]):
    """What each character is written as, for `str.translate`; found out once, as notices have megabytes."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        harmless = unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        self[code] = character if harmless else character.encode("unicode_escape").decode()
        return self[code]


_WRITTEN = _Written({ord("\n"): "\n", ord("\t"): "\t"})


def visible(text: str) -> str:
    """Text whose control characters are written out, so that they cannot drive a terminal or hide what is there.

    Line ends and tabs stay as they are.
    """
    return text.translate(_WRITTEN)
