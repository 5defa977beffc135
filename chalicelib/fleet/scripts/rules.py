"""Checks scripts, and composes the command that runs one. Pure.

Values never go into the text of a script. They are variables of its environment, which the first lines of the command
set; each value is quoted there so that a shell reads it as one word, with all its characters.
"""

import re
import shlex
from collections.abc import Mapping, Sequence

from chalicelib.fleet.commands.model import NewCommand, ScriptVersion
from chalicelib.fleet.scripts.model import NewScript, Parameter, ParameterType, ParameterValue, Run, Script
from chalicelib.kit.errors import BLANK, Details, EdgeError, Kind, at_most_bytes, invalid
from chalicelib.kit.patterns import matches, wrong_pattern

TEXT_LIMIT_BYTES = 64 * 1024
"""UTF-8 bytes of a script's text: half of what a command may have, so that its values find room."""

NUL = "\0"

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_BOOLEANS: Mapping[object, bool] = {"true": True, "false": False}


def check(new: NewScript) -> None:
    """Raises `EdgeError` (validation failed) for a text that is blank, too long or has a zero byte, and for parameters
    that contradict themselves or each other."""
    details: dict[str, list[str]] = {}
    if not new.script_text.strip():
        details["script_text"] = [BLANK]
    elif len(new.script_text.encode()) > TEXT_LIMIT_BYTES:
        details["script_text"] = [at_most_bytes(TEXT_LIMIT_BYTES)]
    elif NUL in new.script_text:
        details["script_text"] = ["cannot contain a zero byte"]
    seen: set[str] = set()
    for number, parameter in enumerate(new.parameters):
        wrong = "is given twice" if parameter.name in seen else _wrong_parameter(parameter)
        seen.add(parameter.name)
        if wrong:
            details[f"parameters.{number}"] = [f"{parameter.name}: {wrong}"]
    if details:
        raise _invalid(details)


def new_command(script: Script, given: Mapping[str, ParameterValue | None], run: Run) -> NewCommand:
    """The command that runs the script with these values. Raises `EdgeError` (validation failed)."""
    return NewCommand(
        command_text(script, given),
        run.targeting,
        run.timeout,
        run.expired_at,
        never_expires=run.never_expires,
        allow_missing=run.allow_missing,
        schedule=run.schedule,
        script=ScriptVersion(name=script.name, version=script.version),
        rollout=run.rollout,
    )


def command_text(script: Script, given: Mapping[str, ParameterValue | None]) -> str:
    """The text of the command that runs the script with these values; None stands for a value that is not given. A
    variable that is neither given nor has a default is unset, even if the agent's own environment has it.

    Raises `EdgeError` (validation failed), which names each wrong value and the allowed ones."""
    details: dict[str, list[str]] = {}
    known = {parameter.name: parameter for parameter in script.parameters}
    for name in given:
        if name not in known:
            details[f"parameters.{name}"] = [f"is unknown. Allowed: {_listed(known)}"]
    lines = [f"# {script.name}, version {script.version}"]
    for name, parameter in known.items():
        value = parameter.default if given.get(name) is None else read_value(parameter, given[name])
        if value is None and parameter.required:
            details[f"parameters.{name}"] = [f"is required: {_allowed(parameter)}"]
        elif value is None:
            lines.append(f"unset {name}")
        elif wrong := wrong_value(parameter, value):
            details[f"parameters.{name}"] = [wrong]
        else:
            lines.append(f"export {name}={shlex.quote(text_of(value))}")
    if details:
        raise _invalid(details)
    return "\n".join([*lines, script.script_text])


def read_value(parameter: Parameter, value: ParameterValue | None) -> ParameterValue | None:
    """A value of a request: integers and booleans may come as texts."""
    if parameter.type is ParameterType.INTEGER and isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if parameter.type is ParameterType.BOOLEAN and value in _BOOLEANS:
        return _BOOLEANS[str(value)]
    return value


def text_of(value: ParameterValue) -> str:
    """The value as a variable's text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def wrong_value(parameter: Parameter, value: ParameterValue) -> str | None:
    """Why the parameter cannot have this value; None if it can."""
    match parameter.type:
        case ParameterType.BOOLEAN:
            fits = isinstance(value, bool)
        case ParameterType.INTEGER:
            fits = isinstance(value, int) and not isinstance(value, bool) and _is_between(parameter, value)
        case ParameterType.ENUM:
            fits = isinstance(value, str) and value in parameter.values
        case ParameterType.STRING:
            fits = isinstance(value, str) and NUL not in value and matches(parameter.pattern, value)
    return None if fits else f"{text_of(value)!r} is not allowed. Allowed: {_allowed(parameter)}"


def no_such_script(name: str) -> EdgeError:
    return invalid("command.script.name", f"there is no script {name!r}")


def _is_between(parameter: Parameter, value: int) -> bool:
    above = parameter.minimum is None or value >= parameter.minimum
    return above and (parameter.maximum is None or value <= parameter.maximum)


def _allowed(parameter: Parameter) -> str:
    match parameter.type:
        case ParameterType.BOOLEAN:
            return "true, false"
        case ParameterType.ENUM:
            return _listed(parameter.values)
        case ParameterType.STRING if parameter.pattern is not None:
            return f"a text that matches {parameter.pattern}"
        case ParameterType.STRING:
            return "a text without a zero byte"
        case ParameterType.INTEGER:
            least = "" if parameter.minimum is None else f", at least {parameter.minimum}"
            return f"an integer{least}" + ("" if parameter.maximum is None else f", at most {parameter.maximum}")


def _wrong_parameter(parameter: Parameter) -> str | None:
    is_enum, is_integer = parameter.type is ParameterType.ENUM, parameter.type is ParameterType.INTEGER
    has_bounds = parameter.minimum is not None or parameter.maximum is not None
    if is_enum != bool(parameter.values):
        return "values are given for the type enum, and for no other"
    if any(NUL in value for value in parameter.values):
        return "values cannot contain a zero byte"
    if has_bounds and not is_integer:
        return "minimum and maximum are for the type integer"
    if parameter.minimum is not None and parameter.maximum is not None and parameter.minimum > parameter.maximum:
        return f"minimum {parameter.minimum} is larger than maximum {parameter.maximum}"
    if parameter.pattern is not None:
        if parameter.type is not ParameterType.STRING:
            return "pattern is for the type string"
        if wrong := wrong_pattern(parameter.pattern):
            return f"pattern {wrong}"
    if parameter.default is None:
        return None
    wrong = wrong_value(parameter, parameter.default)
    return None if wrong is None else f"default {wrong}"


def _listed(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(names) or "none"


def _invalid(details: Details) -> EdgeError:
    return EdgeError(Kind.VALIDATION_FAILED, "Validation failed", details)
