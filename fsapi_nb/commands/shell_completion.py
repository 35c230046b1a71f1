"""Write the script that completes `sapi` in a shell: bash, zsh or fish. Runs nothing and reads nothing.

The script has all commands and options in itself, and finds the names of migrations in the nearest `migrations/`: a Tab
starts no Python. A file's name is data: only one of letters, digits, `_`, `-` and `.` is offered, and none is expanded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fsapi_nb.commands.arguments import Argument, CompletionKind
from fsapi_nb.errors import UsageError
from fsapi_nb.text.near import did_you_mean, near

_BASH = """# Completion of sapi in bash. In ~/.bashrc: eval "$(sapi completion bash)"
_sapi() {{
    local line=${{COMP_LINE:0:COMP_POINT}} word command= folder=$PWD name
    local -a typed offers=()
    read -ra typed <<< "$line"
    [[ $line == *[[:space:]] ]] && typed+=("")
    local last=$((${{#typed[@]}} - 1))
    local current=${{typed[last]}} before=${{typed[last - 1]}}
    for word in "${{typed[@]:1:last - 1}}"; do
        [[ $word == -* ]] || {{ command=$word; break; }}
    done
    case $command in
        "") offers=({commands}) ;;
{cases}
    esac
    if [[ " {flags} " == *" $before "* || " {takers} " == *" $command "* && $current != -* ]]; then
        until [[ -d $folder/migrations || -z $folder ]]; do folder=${{folder%/*}}; done
        offers=()
        for name in "$folder"/migrations/*.sql; do
            name=${{name##*/}}
            [[ -z ${{name//[[:alnum:]_.-]/}} ]] && offers+=("$name")
        done
    fi
    COMPREPLY=()
    for word in "${{offers[@]}}"; do
        [[ $word == "$current"* ]] || continue
        # Readline replaces what stands behind the last colon only.
        [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && word=${{word#"${{current%:*}}:"}}
        COMPREPLY+=("$word")
    done
}}
complete -o default -F _sapi sapi
"""
_ZSH = """#compdef sapi
# Completion of sapi in zsh. In ~/.zshrc, after compinit: eval "$(sapi completion zsh)"
_sapi() {{
    emulate -L zsh
    setopt null_glob
    local word command= folder=$PWD name
    local -a offers
    for word in ${{words[2,CURRENT-1]}}; do
        [[ $word == -* ]] || {{ command=$word; break }}
    done
    case $command in
        "") offers=({commands}) ;;
{cases}
    esac
    if [[ " {flags} " == *" ${{words[CURRENT-1]}} "* || " {takers} " == *" $command "* && ${{words[CURRENT]}} != -* ]]; then
        until [[ -d $folder/migrations || -z $folder ]]; do folder=${{folder%/*}}; done
        offers=()
        for name in $folder/migrations/*.sql; do
            name=${{name:t}}
            [[ -z ${{name//[[:alnum:]_.-]/}} ]] && offers+=($name)
        done
    fi
    compadd -- $offers
}}
if [[ ${{funcstack[1]-}} == _sapi ]]; then _sapi "$@"; else compdef _sapi sapi; fi
"""
_FISH = """# Completion of sapi in fish. In ~/.config/fish/config.fish: sapi completion fish | source
function __sapi_command
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; or begin; echo $word; return; end
    end
end
function __sapi_migrations
    set -l folder $PWD
    while test -n "$folder"; and not test -d $folder/migrations
        set folder (string replace -r '/[^/]*$' '' $folder)
    end
    for file in $folder/migrations/*.sql
        string match -r '[^/]*$' $file | string match -r '^[\\p{{L}}\\p{{M}}\\p{{N}}_.-]+$'
    end
end
complete -c sapi -f
complete -c sapi -n 'not count (__sapi_command) >/dev/null' -a '{commands}'
{cases}
complete -c sapi -n 'for name in (__sapi_command); contains -- $name {takers}; end' -a '(__sapi_migrations)'
"""


@dataclass(frozen=True, slots=True)
class TerminalCommand:
    """A command as it is typed behind `sapi`, with its arguments, global ones included."""

    name: str
    arguments: tuple[Argument, ...]

    @property
    def options(self) -> list[str]:
        """Its options, in their long forms."""
        return [each.flags[0] for each in self.arguments if each.is_option]

    @property
    def takes_migration(self) -> bool:
        """Whether the name of a migration may follow it."""
        return any(each.values is CompletionKind.MIGRATION and not each.is_option for each in self.arguments)


def completion_script(shell: str, commands: Sequence[TerminalCommand]) -> str:
    """Return the script for a shell. Raises UsageError for a shell that is not known."""
    if shell not in _WRITERS:
        meant = near(shell, _WRITERS)
        hint = did_you_mean(meant) if meant else "such as `sapi completion bash`."
        raise UsageError(f"there is no completion for the shell {shell!r}: bash, zsh and fish have one", hint=hint)
    return _WRITERS[shell](commands)


def _posix(template: str, commands: Sequence[TerminalCommand]) -> str:
    cases = "\n".join(f"        {each.name}) offers=({' '.join(each.options)}) ;;" for each in commands)
    return template.format(
        commands=" ".join(each.name for each in commands),
        cases=cases,
        flags=" ".join(_flags(commands)),
        takers=" ".join(each.name for each in commands if each.takes_migration),
    )


def _fish(commands: Sequence[TerminalCommand]) -> str:
    lines = [_fish_option(each, argument) for each in commands for argument in each.arguments if argument.is_option]
    takers = " ".join(each.name for each in commands if each.takes_migration)
    return _FISH.format(commands=" ".join(each.name for each in commands), cases="\n".join(lines), takers=takers)


def _fish_option(command: TerminalCommand, argument: Argument) -> str:
    name = argument.flags[0].removeprefix("--")
    value = " -x" if argument.takes_value else ""
    names = " -a '(__sapi_migrations)'" if argument.values is CompletionKind.MIGRATION else ""
    return f"complete -c sapi -n 'contains -- {command.name} (__sapi_command)' -l {name}{value}{names}"


def _flags(commands: Sequence[TerminalCommand]) -> list[str]:
    """Return the options that the name of a migration follows."""
    found = (each for command in commands for each in command.arguments if each.is_option)
    return list(dict.fromkeys(each.flags[0] for each in found if each.values is CompletionKind.MIGRATION))


_WRITERS: dict[str, Callable[[Sequence[TerminalCommand]], str]] = {
    "bash": lambda commands: _posix(_BASH, commands),
    "zsh": lambda commands: _posix(_ZSH, commands),
    "fish": _fish,
}
