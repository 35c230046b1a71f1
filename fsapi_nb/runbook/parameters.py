"""The parameters of a notebook, by papermill's conventions: the cell tagged `parameters`, and the cell injected after it.

The cell is parsed as Python and not run. Secret values never become part of a cell: they are sent to the kernel apart.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fsapi_nb.errors import UNCHANGED, UsageError
from fsapi_nb.text.masking import SHORTEST
from fsapi_nb.text.secrets import STARS, is_secret_variable

TAG, INJECTED = "parameters", "injected-parameters"
_SECRET_COMMENT = re.compile(r"#.*\bsecret\b", re.IGNORECASE)

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name that the parameters cell assigns.

    `default` is the source of the value; `literal` is the value itself if it is a literal, else None.
    """

    name: str
    default: str
    literal: object = None
    secret: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class ParameterValue:
    """A parameter with its value in this run. `given` is whether the run's options set it, not the notebook."""

    parameter: Parameter
    value: object
    given: bool
    secret: bool

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    def shown(self) -> str:
        """Return the value as a record may show it: stars for a secret."""
        if self.secret:
            return STARS
        return written(self.value) if self.given else self.parameter.default


def find_parameters(source: str) -> tuple[Parameter, ...]:
    """Return the parameters of a cell, in order. Raises UsageError if the cell is not valid Python."""
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"the cell tagged {TAG} is not valid Python: {error}", state=UNCHANGED) from None
    found: dict[str, Parameter] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=targets, value=value):
                pass
            case ast.AnnAssign(target=annotated, value=ast.expr() as value):
                targets = [annotated]
            case _:
                continue
        for target in targets:
            if isinstance(target, ast.Name):
                comment = lines[(node.end_lineno or node.lineno) - 1]
                secret = is_secret_variable(target.id) or _is_marked(comment, node.end_col_offset)
                found[target.id] = Parameter(target.id, ast.unparse(value), _literal(value), secret)
    return tuple(found.values())


def _is_marked(line: str, end: int | None) -> bool:
    """Return whether a comment after the value says that it is secret. `end` counts bytes, as Python's parser does."""
    return bool(_SECRET_COMMENT.search(line.encode()[end or 0 :].decode(errors="replace")))


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


def infer(text: str) -> Value:
    """Return the value that papermill makes of a text: True, False, None, an int, a float, else the text."""
    constants: dict[str, Value] = {"True": True, "False": False, "None": None}
    if text in constants:
        return constants[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def written(value: object) -> str:
    """Return a value as Python source."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)


def bind(
    parameters: Sequence[Parameter],
    given: Mapping[str, Value],
    *,
    secrets: Sequence[str],
    environment: Mapping[str, str],
) -> tuple[ParameterValue, ...]:
    """Return each parameter with its value: the given one, else the notebook's.

    Args:
        parameters: The notebook's parameters.
        given: Values by name.
        secrets: Names of parameters that are secret, whatever the notebook says. If none is given for one of them, its
            value is the environment variable of that name.
        environment: The environment variables.

    Raises:
        UsageError: The notebook has no such parameter, or a secret is too short to be hidden.
    """
    known = {parameter.name for parameter in parameters}
    for name in (*given, *secrets):
        if name not in known:
            names = ", ".join(f"{each.name}={STARS if each.secret else each.default}" for each in parameters)
            hint = f"its parameters are: {names}." if names else f"tag the cell that sets them: {TAG}."
            raise UsageError(f"the notebook has no parameter {name!r}", state=UNCHANGED, hint=hint)
    bound = []
    for parameter in parameters:
        name, secret = parameter.name, parameter.secret or parameter.name in secrets
        values: dict[str, object] = dict(given)
        if name in secrets and name not in given and environment.get(name):
            values[name] = environment[name]
        each = ParameterValue(parameter, values.get(name, parameter.literal), name in values, secret)
        _refuse_short(each)
        bound.append(each)
    return tuple(bound)


def _refuse_short(bound: ParameterValue) -> None:
    if bound.secret and bound.given and 0 < len(str(bound.value)) < SHORTEST:
        raise UsageError(
            f"the secret {bound.name!r} is too short to be kept out of the record",
            state=UNCHANGED,
            hint=f"a secret must have at least {SHORTEST} characters.",
        )


def injected_source(bound: Sequence[ParameterValue]) -> str:
    """Return the source of the injected cell. It names the secrets without their values."""
    lines = [
        f"# {each.name}: secret, not kept" if each.secret else f"{each.name} = {written(each.value)}"
        for each in bound
        if each.given
    ]
    return "\n".join(["# Parameters", *lines])


def secret_source(bound: Sequence[ParameterValue]) -> str:
    """Return the source that sets the given secrets in the kernel. It must not be stored anywhere."""
    return "\n".join(f"{each.name} = {written(each.value)}" for each in bound if each.secret and each.given)
