"""The terminal: `sapi migrate`, `sapi migrate:VERB`, `sapi query SQL`. Parses, calls and prints; decides nothing.

The result goes to stdout, everything else to stderr; with `--json`, stdout is one JSON document. The progress of a
long run is drawn on stderr if that is a terminal: a pipe gets nothing before the end. Exit codes: 0 done, 1 failed,
2 bad usage or configuration, 3 a `--check` found something, 130 interrupted. They say what happened to the database:
a result that cannot be written is a failure only for verbs that do nothing but return it.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fsapi_nb import stop
from fsapi_nb.commands import (
    GLOBAL,
    QUERY,
    READING,
    VERBS,
    Argument,
    Help,
    Verb,
    find_verb,
    global_arguments,
    parser_of,
    settings_of,
)
from fsapi_nb.errors import (
    UNCHANGED,
    AssertionViolated,
    ConfirmationRequired,
    FsapiError,
    Interrupted,
    StatementFailed,
    Untrusted,
    UsageError,
)
from fsapi_nb.migrator import Migrator
from fsapi_nb.streams import open_missing, show_every_character, write, write_pieces
from fsapi_nb.text.command import Face, begin, typed_lines
from fsapi_nb.text.fold import one_by_one
from fsapi_nb.text.near import did_you_mean, near
from fsapi_nb.text.safe import json_text, visible, visible_line
from fsapi_nb.text.wrap import wrap

if TYPE_CHECKING:
    from fsapi_nb.events import Observer
    from fsapi_nb.views.results import Result

_Value = TypeVar("_Value")
_COMPLETION = "completion"
_JSON = Argument(("--json",), {"action": "store_true", "help": "one JSON document on stdout"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: The words of the command line; None means those of this process, which then ends with the command.
    """
    if arguments is None:
        # At exit Python's collector visits every object. That takes longer than a run that has nothing to do.
        atexit.register(gc.freeze)
        # And its repeated visits to a plan of a thousand migrations take a tenth of such a run.
        gc.set_threshold(50_000)
    words = list(sys.argv[1:] if arguments is None else arguments)
    open_missing()
    show_every_character()
    as_json = "--json" in words
    if threading.current_thread() is threading.main_thread():
        # SIGTERM does the same as Ctrl-C: cancel on the server, roll back, report the state of the database.
        for name in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, stop.interrupt)
    try:
        return _run(words)
    except Help as help_text:
        return _written(str(help_text))
    except FsapiError as error:
        _show_error(error, error.to_json(), as_json=as_json)
        return error.exit_code
    except Interrupted as error:
        _show_error(error, {"error": "Interrupted", "message": error.message, "state": error.state}, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        write("stopped; `sapi migrate:status` shows the state of the database.", sys.stderr)
        return Interrupted.exit_code


def _run(words: list[str]) -> int:
    words = _command_first(words)
    if not words or words[0] in {"help", "-h", "--help"}:
        raise Help(_overview())
    if words[0] in {"--version", "version"}:
        from fsapi_nb import __version__

        raise Help(f"fsapi_nb {__version__}")
    if words[0].startswith("runbook:"):
        return _runbook(words)
    if words[0] == _COMPLETION:
        return _completion(words[1:])
    verb = _verb_of(words[0])
    options = parser_of(verb, prog=f"sapi {words[0]}", extra=(_JSON,)).parse_args(words[1:])
    if verb is QUERY and options.sql == "-":
        options.sql = sys.stdin.read()
    result = _trusting(lambda: _call(verb, options), as_json=options.json)
    if verb.name == "plan" and options.sql and not options.json:
        return _written_script(result)
    return _written(_text(result, as_json=options.json), otherwise=1 if verb.name in READING else 0)


def _completion(words: list[str]) -> int:
    """Write the script that completes this command in a shell. Return the exit code."""
    from fsapi_nb.commands.shell_completion import TerminalCommand, completion_script
    from fsapi_nb.runbook import commands as runbooks

    if len(words) != 1 or words[0].startswith("-"):
        raise UsageError("the shell is missing: bash, zsh or fish", hint='in bash: eval "$(sapi completion bash)"')
    verbs = [(begin(verb.name, Face.TERMINAL).removeprefix("sapi "), verb) for verb in (*VERBS, QUERY)]
    commands = [TerminalCommand(name, (*verb.arguments, *global_arguments(verb), _JSON)) for name, verb in verbs]
    commands += [TerminalCommand(f"runbook:{each.name}", (*each.arguments, _JSON)) for each in runbooks.COMMANDS]
    commands.append(TerminalCommand(_COMPLETION, ()))
    return _written(completion_script(words[0], commands), otherwise=0)


def _runbook(words: list[str]) -> int:
    """Run a `runbook:` command and return its exit code. The record of a run that failed goes where errors go."""
    from fsapi_nb.runbook import commands as runbooks

    command = runbooks.find_command(words[0].removeprefix("runbook:"))
    parser = runbooks.parser_of(command, prog=f"sapi {words[0]}", extra=(_JSON,))
    options = parser.parse_args(words[1:])
    result = _trusting(lambda: runbooks.carry_out(command, options), as_json=options.json)
    code = getattr(result, "exit_code", 0)
    if code:
        text = _text(result, as_json=options.json)
        write(text if options.json else f"error: {text}", sys.stdout if options.json else sys.stderr)
        return code
    return _written(_text(result, as_json=options.json), otherwise=0)


def _trusting(command: Callable[[], _Value], *, as_json: bool) -> _Value:
    """Carry out a command; on a terminal, ask whether to trust the project if the command needs that."""
    while True:
        try:
            return command()
        except Untrusted as refusal:
            if as_json or not _somebody_answers():
                raise
            from fsapi_nb.verbs.trust import accept

            _ask(refusal, f"Trust {refusal.project}?", "not connected; nothing was run or written.")
            accept(refusal)


def _ask(question: FsapiError, words: str, otherwise: str) -> None:
    """Show what would be allowed, and ask. Raises UsageError unless the answer is yes."""
    print("\n".join(map(visible, (question.message, *question.details))), file=sys.stderr)
    print(f"{visible(words)} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("not trusted", state=otherwise) from None


def _somebody_answers() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _call_alone(verb: Callable[[argparse.Namespace], Result], options: argparse.Namespace) -> Result:
    """Run a verb that uses no database. If nobody can be asked, typing the command is the confirmation."""
    if "yes" in options:
        options.yes = options.yes or options.json or not _somebody_answers()
    try:
        return verb(options)
    except ConfirmationRequired as refusal:
        _ask(refusal, "Allow it?", "not connected; nothing was allowed.")
        options.yes = True
        return verb(options)


def _call(verb: Verb, options: argparse.Namespace) -> Result:
    """Run the verb; on a terminal, `fresh` asks for confirmation."""
    if verb.alone is not None:
        return _call_alone(verb.alone, options)
    try:
        return _call_once(verb, options)
    except ConfirmationRequired as refusal:
        if verb.name != "fresh" or options.json or not _somebody_answers():
            raise
        print("\n".join(map(visible, (refusal.message, *refusal.details))), file=sys.stderr)
        print("Drop all this? Type yes: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() != "yes":
            raise UsageError("not confirmed", state=UNCHANGED) from None
        options.yes = True
        return _call_once(verb, options)


def _call_once(verb: Verb, options: argparse.Namespace) -> Result:
    """Run the verb, and draw its progress if stderr is a terminal."""
    if options.json or not sys.stderr.isatty():
        return verb.run(_migrator(options), options)
    from fsapi_nb.views.terminal import LiveProgress

    with LiveProgress(sys.stderr) as progress:
        return verb.run(_migrator(options, progress), options)


def _migrator(options: argparse.Namespace, *observers: Observer) -> Migrator:
    return Migrator(
        options.database,
        options.dir,
        settings=settings_of(options),
        lock_timeout=options.lock_timeout,
        statement_timeout=options.statement_timeout,
        max_wait=60.0 if options.max_wait is None else options.max_wait,
        pooler=options.pooler,
        postgres_bin=options.postgres_bin,
        scratch=options.scratch,
        schema=options.schema,
        application="fsapi_nb:sapi",
        observers=observers,
    )


def _command_first(words: list[str]) -> list[str]:
    """Return the words with the command first: global options may stand before it."""
    takes_value = {flag for argument in GLOBAL for flag in argument.flags}
    known = (
        {flag for verb in (*VERBS, QUERY) for each in verb.arguments for flag in each.flags} | takes_value | {"--json"}
    )
    before: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("--") and rest[0] not in {"--help", "--version"}:
        option = rest.pop(0)
        if option.partition("=")[0] not in known:
            meant = near(option.partition("=")[0], sorted(known))
            hint = did_you_mean(meant) if meant else "`sapi --help` lists the options."
            raise UsageError(f"sapi has no option {visible_line(option.partition('=')[0])}", hint=hint)
        before.append(option)
        if option in takes_value and rest:
            before.append(rest.pop(0))
    rest = _one_command(rest)
    return [*rest[:1], *before, *rest[1:]] if rest else before


def _one_command(words: list[str]) -> list[str]:
    """Return the words with `migrate VERB`, as it is typed in a notebook, written as the one command that it means."""
    if words[:1] == ["migrate"] and words[1:] and any(verb.name == words[1] for verb in VERBS):
        return [f"migrate:{words[1]}", *words[2:]]
    return words


def _verb_of(command: str) -> Verb:
    """Return the verb of `migrate:VERB`, or of VERB alone, whose meaning is certain. Raises UsageError for another command."""
    if command == QUERY.name:
        return QUERY
    prefix, _, name = command.partition(":")
    if prefix == "migrate":
        return find_verb(name or "migrate")
    if any(verb.name == command for verb in VERBS):
        return find_verb(command)
    meant = near(name or prefix, [verb.name for verb in (*VERBS, QUERY)])
    hint = (
        did_you_mean(f"`{begin(each, Face.TERMINAL)}`" for each in meant)
        if meant
        else "`sapi --help` lists the commands."
    )
    raise UsageError(f"there is no command {visible_line(command)!r}", hint=hint)


def _overview() -> str:
    from fsapi_nb.runbook import commands as runbooks

    lines = ["usage: sapi COMMAND [OPTIONS]        (sapi COMMAND --help shows more)", "", "commands:"]
    for verb in (*VERBS, QUERY):
        command = begin(verb.name, Face.TERMINAL).removeprefix("sapi ")
        lines.append(f"  {command:<18} {verb.help}")
    lines += [f"  {f'runbook:{each.name}':<18} {each.help}" for each in runbooks.COMMANDS]
    lines.append(f"  {_COMPLETION:<18} completion for your shell: bash, zsh or fish")
    lines += ["", "options of every command but init, trust and runbook's:"]
    for argument in (*GLOBAL, _JSON):
        metavar = argument.settings.get("metavar", "")
        lines.append(f"  {argument.flags[0] + ' ' + metavar:<25} {argument.settings['help']}")
    return "\n".join(lines)


def _text(result: Result, *, as_json: bool) -> str:
    if as_json:
        return json_text(result.to_json())
    return "\n".join(typed_lines(result.lines(times=True), Face.TERMINAL))


def _written(text: str, *, otherwise: int = 1) -> int:
    """Write the result of a successful command to stdout. Return the exit code: `otherwise` if the result is lost.

    A closed pipe is not a failure: a reader such as `head` has what it wanted.
    """
    return _lost(write(text, sys.stdout), otherwise=otherwise)


def _lost(failure: OSError | None, *, otherwise: int) -> int:
    """Return the exit code of a command whose result could not be written, and say so; 0 if it could."""
    if failure is None or isinstance(failure, BrokenPipeError):
        return 0
    again = (
        "write it elsewhere, and run the command again." if otherwise else "`sapi migrate:status` shows the outcome."
    )
    lines = [
        f"error: the result cannot be written to stdout: {failure.strerror}",
        "Database: the command itself succeeded; only its output is lost.",
        f"→ {again}",
    ]
    write("\n".join(lines), sys.stderr)
    return otherwise


def _written_script(result: Result) -> int:
    """Write a script to stdout, byte for byte and piece by piece, and nothing else. Return the exit code."""
    from fsapi_nb.views.results import PlanScriptResult

    if not isinstance(result, PlanScriptResult):
        raise TypeError("a plan was not written as a script")
    return _lost(write_pieces(result.script.chunks(), sys.stdout), otherwise=1)


def _show_error(error: FsapiError | Interrupted, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write(json_text(document), sys.stdout)
    first, *rest = one_by_one(error.lines(Face.TERMINAL))
    lines = _fitted([f"error: {first}", *rest])
    if isinstance(error, StatementFailed) and (blockers := error.blockers):
        lines += blockers.lines(times=True)
    if isinstance(error, AssertionViolated):
        lines += error.result.lines()
    write("\n".join(visible(line) for line in lines), sys.stderr)


def _fitted(lines: list[str]) -> list[str]:
    """Return the lines wrapped between words for a terminal, and unchanged for a file or a pipe."""
    if not sys.stderr.isatty():
        return lines
    columns = os.get_terminal_size(sys.stderr.fileno()).columns
    return [part for line in lines for part in wrap(line, columns)] if columns else lines


if __name__ == "__main__":
    raise SystemExit(main())
