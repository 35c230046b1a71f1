"""Replace known secret values in text, errors and whole notebooks.

Reads no files. A value is found as it is, and as Python, JSON, HTML, URLs and base64 write it; also if colours of a
traceback or the ends of wrapped lines are inside it, and in part if something has cut it.
"""

from __future__ import annotations

import base64
import bisect
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from itertools import accumulate, takewhile
from typing import Any
from urllib.parse import quote, quote_plus

from fsapi_nb.text.secrets import STARS

#: Characters of the shortest value that is hidden: a shorter one would star half of a notebook, and could be guessed
#: from the rest.
SHORTEST = 4
_LOOSE = 8  # characters that a value needs in order to be looked for across blanks and line ends
_LONG = 10_000  # characters that a text needs in order to be kept with its masked form
_PART = 12  # characters of a random value that are hidden wherever they occur
_RANDOM = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])\S{16,}")
_COLOUR = r"\x1b\[[0-9;]*[A-Za-z]"
# What wrapping inserts into a text: line ends, blanks, the quotes of a string in two parts, colours.
_GAP = re.compile(rf"['\"]\s*\n\s*[bfr]?['\"]|{_COLOUR}|<br\s*/?>|\\n|\s+")
_COLOURS = re.compile(rf"\A(?:{_COLOUR})+")
_DOTS = ("...", "\u2026", "&hellip;")

Span = tuple[int, int]


class Mask:
    """Secret values that are replaced with stars. Its repr shows none of them."""

    def __init__(self, secrets: Iterable[object] = ()) -> None:
        values = {str.__str__(secret) if isinstance(secret, str) else str(secret) for secret in secrets}
        values = {value for value in values if len(value) >= SHORTEST}
        self._values = frozenset(values)
        forms = {form for value in values for form in _forms(value)}
        self._seen: dict[str, str] = {}
        self._pattern = _any_of(forms)
        loose = {_GAP.sub("", form) for form in forms}
        self._loose = sorted(form for form in loose if len(form) >= _LOOSE)
        self._loosely = _any_of(self._loose)
        self._heads = sorted({form[:SHORTEST] for form in self._loose} | {form[-SHORTEST:] for form in self._loose})

    def __repr__(self) -> str:
        return f"Mask({STARS})"

    def text(self, text: str) -> str:
        """Return the text without the secrets, and without the colours and line ends inside of them."""
        if self._pattern is None or len(text) < _LONG:
            return self._masked(text)
        # A run writes its notebook after each cell, and would mask each output again each time.
        if text not in self._seen:
            self._seen[text] = self._masked(text)
        return self._seen[text]

    def _masked(self, text: str) -> str:
        if self._pattern is None:
            return text
        masked = self._pattern.sub(STARS, text)
        if not any(head in masked for head in self._heads) and "\x1b" not in masked:
            return masked
        squeezed = _Squeezed(masked)
        spans = [*self._whole(squeezed.text), *self._parts(squeezed.text)]
        for start, end in sorted(_merged(spans), reverse=True):
            first, last = squeezed.place(start), squeezed.place(end - 1) + 1
            if "\x1b" in masked[first:last]:  # a colour that begins in the secret ends after it: remove its end, too
                last += len(masked[last:]) - len(_COLOURS.sub("", masked[last:]))
            masked = masked[:first] + STARS + masked[last:]
        return masked

    def _whole(self, text: str) -> Iterator[Span]:
        """Yield where whole values are in a text without gaps."""
        if self._loosely:
            yield from (match.span() for match in self._loosely.finditer(text))

    def _parts(self, text: str) -> Iterator[Span]:
        """Yield where parts of values are: before or after dots, or much of a random value."""
        for form in self._loose:
            shortest = _PART if _RANDOM.fullmatch(form) else len(form)
            for start in _occurrences(form[:SHORTEST], text):
                end = start + _common(form, text[start : start + len(form)])
                if end - start >= shortest or text.startswith(_DOTS, end):
                    yield start, end
            for end in (place + SHORTEST for place in _occurrences(form[-SHORTEST:], text)):
                start = end - _common(form[::-1], text[max(0, end - len(form)) : end][::-1])
                if end - start >= shortest or text.endswith(_DOTS, 0, start):
                    yield start, end

    def cell(self, cell: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of a notebook's cell without the secrets; its type and its id stay as they are."""
        masked = dict(cell) | {"source": self.text(cell["source"]), "metadata": self.document(cell["metadata"])}
        if "attachments" in cell:
            masked["attachments"] = self.document(cell["attachments"])
        if "outputs" in cell:
            masked["outputs"] = [self._output(output) for output in cell["outputs"]]
        return masked

    def _output(self, output: Mapping[str, Any]) -> dict[str, Any]:
        masked = dict(output)
        for name in ("text", "ename", "evalue", "traceback", "metadata"):
            if name in output:
                masked[name] = self.document(output[name])
        if "data" in output:
            masked["data"] = {kind: self.document(value) for kind, value in output["data"].items()}
        return masked

    def document(self, value: Any) -> Any:
        """Return a copy of a document of dicts, lists, texts and numbers without the secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self.document(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.document(each) for each in value]
        secret = isinstance(value, int | float) and not isinstance(value, bool) and str(value) in self._values
        return STARS if secret else value


class _Hidden:
    """Values that are being hidden.

    Their mask is made only when there is a text to show: most runs have none.
    """

    def __init__(self, secrets: Iterable[object]) -> None:
        self._secrets = secrets

    @cached_property
    def mask(self) -> Mask:
        """The mask that replaces them."""
        return Mask(self._secrets)


_hidden: ContextVar[tuple[_Hidden, ...]] = ContextVar("_hidden", default=())


@contextmanager
def hiding(secrets: Iterable[object]) -> Iterator[None]:
    """Make `hide_known` hide these values, too, inside the `with` block and in this thread only."""
    token = _hidden.set((*_hidden.get(), _Hidden(secrets)))
    try:
        yield
    finally:
        _hidden.reset(token)


def hide_known(text: str) -> str:
    """Return a text without the values that are being hidden."""
    for hidden in _hidden.get():
        text = hidden.mask.text(text)
    return text


def hide_known_in(value: object) -> object:
    """Return the value of a row without the values that are being hidden."""
    for hidden in _hidden.get():
        value = hidden.mask.document(value) if isinstance(value, str | dict | list | int | float) else value
    return value


class _Squeezed:
    """A text without its gaps that knows where each of its characters was."""

    def __init__(self, text: str) -> None:
        pieces: list[str] = []
        self._from: list[int] = []
        position = 0
        for gap in _GAP.finditer(text):
            pieces.append(text[position : gap.start()])
            self._from.append(position)
            position = gap.end()
        pieces.append(text[position:])
        self._from.append(position)
        self._at = [0, *accumulate(map(len, pieces))]
        self.text = "".join(pieces)

    def place(self, index: int) -> int:
        """Return the index in the original text of the character at this index."""
        piece = bisect.bisect_right(self._at, index) - 1
        return self._from[piece] + index - self._at[piece]


def _any_of(forms: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _occurrences(part: str, text: str) -> Iterator[int]:
    place = text.find(part)
    while place >= 0:
        yield place
        place = text.find(part, place + 1)


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans without overlaps that cover the same places."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _forms(value: str) -> set[str]:
    """Return the ways in which a value may be written."""
    written = {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    written |= {html.escape(value), html.escape(value, quote=False), quote(value), quote(value, safe="")}
    written |= {
        value.replace("\\", "\\\\").replace("'", "\\'"),
        quote_plus(value),
        value.replace("'", "''"),
        *(line for line in value.splitlines()),
    }
    written |= {html.escape(form) for form in set(written)} | set(_encoded(value))
    return {form for form in written if len(form) >= SHORTEST}


def _encoded(value: str) -> Iterator[str]:
    """Yield how base64 writes a value, alone and (for a long one) inside of a longer text."""
    alone = base64.b64encode(value.encode()).decode().rstrip("=")
    yield alone
    yield alone.replace("+", "-").replace("/", "_")
    for shift in range(3) if len(value) >= _LOOSE else ():
        encoded = base64.b64encode(b"\0" * shift + value.encode()).decode()
        # The first and the last group of characters also hold bits of the text beside the value.
        yield encoded[4 * bool(shift) : len(encoded) // 4 * 4 - 4]
