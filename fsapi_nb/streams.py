"""The standard streams of a process: open, and never the reason why a command that did its work ends as if it had not.

A disk may be full, a reader may have gone (`sapi ... | head`), and a shell may have closed a stream (`>&-`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO


def open_missing() -> None:
    """Open the standard streams that the process began without, so that no file or socket gets their numbers.

    What is written to stdout fails then, so that its loss is noticed; what is written to stderr is dropped.
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
    """Let a character that a stream's encoding lacks be written as an escape: a file's name may be no text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def write(text: str, stream: TextIO) -> OSError | None:
    """Write the text and a line end at once. Return why that failed, if it did; the stream then drops what it gets."""
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except OSError as error:
        _let_drop(stream)
        return error
    return None


def _let_drop(stream: TextIO) -> None:
    """Lead the stream nowhere: Python writes what is left in it once more at exit, and would complain."""
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
