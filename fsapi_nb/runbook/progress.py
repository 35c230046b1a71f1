"""The progress of a runbook on standard error: a line for each cell, its time counted up on a terminal."""

from __future__ import annotations

import shutil
from typing import TextIO

from fsapi_nb.runbook.record import RunbookState
from fsapi_nb.text.masking import Mask
from fsapi_nb.text.safe import visible

_SIGNS = {RunbookState.DONE: "✓", RunbookState.FAILED: "✗", RunbookState.INTERRUPTED: "■"}
_LONGEST = 72


class Progress:
    """Writes what happens to a stream. A stream that has gone holds up no runbook."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._section = ""
        self._line = ""

    def begin(self, text: str) -> None:
        """What is run, and where."""
        self._write(f"{visible(text)}\n")

    def started(self, number: int, of: int, section: str, title: str, mask: Mask) -> None:
        """A cell begins: its section where that is a new one, its place, its first line."""
        if section != self._section:
            self._section = section
            self._write(f"{visible(mask.text(section))}\n")
        width = len(str(of))
        shown = visible(mask.text(title)).replace("\t", " ")
        shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
        self._line = f"  [{number:>{width}}/{of}] {shown}"
        self._write(self._fitted(self._line) if self._live else self._line)

    def tick(self, elapsed: float) -> None:
        """The cell goes on; drawn where somebody looks."""
        if self._live:
            self._write(f"\r\x1b[2K{self._fitted(f'{self._line}  {duration(elapsed)}')}")

    def stopping(self) -> None:
        """Somebody has asked for the end, and the server is told."""
        self._write("\nstopping; once more kills the kernel\n")

    def ended(self, state: RunbookState, elapsed: float) -> None:
        """The cell is over."""
        sign = _SIGNS.get(state, "")
        again = f"\r\x1b[2K{self._line}" if self._live else ""
        self._write(f"{again}  {sign} {duration(elapsed)}\n")

    def _fitted(self, line: str) -> str:
        """A line that is drawn over must not be longer than the terminal is wide."""
        return line[: shutil.get_terminal_size().columns - 1]

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except OSError:
            self._live = False


def duration(seconds: float) -> str:
    """How long, as a reader says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
