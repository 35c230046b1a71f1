"""The standard streams of a process: opened if missing, and written so that a failure does not hide the command's result.

The disk may be full, the reader may have closed the pipe (`sapi ... | head`), or the shell the stream (`>&-`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable
from typing import TextIO


def open_missing() -> None:
    """Open the standard streams that the process started without, so that no file or socket gets their numbers.

    Writing to such a stdout then fails, so that a lost result is noticed; what is written to stderr is dropped.
    """
    for number, (name, flags, mode) in enumerate(
        (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))
    ):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)
            if descriptor != number and not _is_open(number):
                os.dup2(descriptor, number)
                os.close(descriptor)
                descriptor = number
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - the process's own


def show_every_character() -> None:
    """Make stdout and stderr write characters that their encoding lacks as escapes: file names may hold any bytes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO) -> OSError | None:
    """Write the text and a line end, and flush. Return the error if that failed; the stream then drops its output."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        _let_drop(stream)
        return error
    return None


def write_pieces(pieces: Iterable[bytes], stream: TextIO) -> OSError | None:
    """Write bytes as they are, and flush. Return the error if that failed; the stream then drops its output."""
    binary = getattr(stream, "buffer", None)
    try:
        for piece in pieces:
            if binary is None:  # such as a stream that keeps its text
                stream.write(piece.decode())
            else:
                binary.write(piece)
        stream.flush()
    except OSError as error:
        _let_drop(stream)
        return error
    return None


def _let_drop(stream: TextIO) -> None:
    """Redirect the stream to /dev/null: Python flushes it once more at exit, and would report the error again."""
    with contextlib.suppress(OSError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
