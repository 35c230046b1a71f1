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
    """The lines that show a run on a stream. If the stream cannot be written to, the run goes on without them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._section = ""
        self._line = ""

    def begin(self, text: str) -> None:
        """Write what is run, and on which database."""
        self._write(f"{visible(text)}\n")

    def started(self, number: int, of: int, section: str, title: str, mask: Mask) -> None:
        """Write that a cell begins: its section if that is a new one, its number of all, and its first line."""
        if section != self._section:
            self._section = section
            self._write(f"{visible(mask.text(section))}\n")
        width = len(str(of))
        shown = visible(mask.text(title)).replace("\t", " ")
        shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
        self._line = f"  [{number:>{width}}/{of}] {shown}"
        self._write(self._fitted(self._line) if self._live else self._line)

    def tick(self, elapsed: float) -> None:
        """Update the seconds that the cell has taken; on a terminal only."""
        if self._live:
            self._write(f"\r\x1b[2K{self._fitted(f'{self._line}  {duration(elapsed)}')}")

    def stopping(self) -> None:
        """Write that the run was interrupted and the kernel is about to stop."""
        self._write("\nstopping; interrupt again to kill the kernel\n")

    def ended(self, state: RunbookState, elapsed: float) -> None:
        """Write how the cell ended, and after how many seconds."""
        sign = _SIGNS.get(state, "")
        again = f"\r\x1b[2K{self._line}" if self._live else ""
        self._write(f"{again}  {sign} {duration(elapsed)}\n")

    def _fitted(self, line: str) -> str:
        """Return the line cut to the terminal's width: only one row can be drawn over."""
        return line[: shutil.get_terminal_size().columns - 1]

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except OSError:
            self._live = False


def duration(seconds: float) -> str:
    """Return a duration in words: `2.5 s`, `3 min 04 s`, `1 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
