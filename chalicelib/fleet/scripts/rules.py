"""Checks scripts, and composes the command that runs one. Pure.

Values never go into the text of a script. They are variables of its environment, which the first lines of the command
set; each value is quoted there so that a shell reads it as one word, with all its characters.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from chalicelib.fleet.commands.model import NewCommand, ScriptVersion
from chalicelib.fleet.scripts.model import (
    NewScript,
    Parameter,
    ParameterType,
    ParameterValue,
    Run,
    Script,
    ScriptCall,
)
from chalicelib.kit.errors import BLANK, NO_ZERO_BYTE, Details, EdgeError, Kind, at_most_bytes, invalid
from chalicelib.kit.patterns import matches, wrong_pattern

TEXT_LIMIT_BYTES = 64 * 1024
"""UTF-8 bytes of a script's text: half of what a command may have, so that its values find room."""

NUL = "\0"

SECRETS_VARIABLE = "EDGE_SECRETS"
"""The variable by which an agent says which secrets it has set: their names, sorted, with blanks in between."""

RESERVED_PREFIX = "EDGE_"
"""Begins the names of variables that agents set themselves."""

NO_ENVIRONMENT = "This agent does not offer the feature 'environment', which secrets need: update it"

NO_ENVIRONMENT_EXIT_CODE = 78
"""``EX_CONFIG`` of sysexits.h."""

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
        details["script_text"] = [NO_ZERO_BYTE]
    seen: set[str] = set()
    for number, parameter in enumerate(new.parameters):
        wrong = "is given twice" if parameter.name in seen else _wrong_parameter(parameter)
        seen.add(parameter.name)
        if wrong:
            details[f"parameters.{number}"] = [f"{parameter.name}: {wrong}"]
    if details:
        raise _invalid(details)


def new_command(script: Script, call: ScriptCall, run: Run) -> NewCommand:
    """The command that runs the script with what the call gives it. Raises `EdgeError` (validation failed)."""
    secrets = secrets_of(script, call)
    return NewCommand(
        command_text(script, call),
        run.targeting,
        run.timeout,
        run.expired_at,
        never_expires=run.never_expires,
        allow_missing=run.allow_missing,
        schedule=run.schedule,
        script=ScriptVersion(name=script.name, version=script.version),
        secrets=secrets,
        rollout=run.rollout,
    )


def secrets_of(script: Script, call: ScriptCall) -> dict[str, str]:
    """The secrets that a run uses, by the names of its sensitive parameters: those that the call names, and for the
    rest those that the script names."""
    found = {each.name: call.secrets.get(each.name) or each.secret for each in script.parameters if each.sensitive}
    return {name: secret for name, secret in found.items() if secret is not None}


def command_text(script: Script, call: ScriptCall) -> str:
    """The text of the command that runs the script with these values. A variable that is neither given nor has a
    default is unset, even if the agent's own environment has it. Secrets are not in it: the agent sets their variables,
    and an agent that does not know how to is stopped by the first line.

    Raises `EdgeError` (validation failed), which names each wrong value and the allowed ones."""
    details = _unknown(script, call)
    secrets = secrets_of(script, call)
    lines = [f"# {script.name}, version {script.version}"]
    if secrets:
        lines.append(_guard(secrets))
    for parameter in script.parameters:
        name, given = parameter.name, call.parameters.get(parameter.name)
        value = parameter.default if given is None else read_value(parameter, given)
        if name in secrets:
            lines.append(f"# {name} is the secret {secrets[name]}")
        elif value is None and parameter.required:
            field = "secrets" if parameter.sensitive else "parameters"
            details[f"{field}.{name}"] = [f"is required: {_allowed(parameter)}"]
        elif value is None:
            lines.append(f"unset {name}")
        elif wrong := wrong_value(parameter, value):
            details[f"parameters.{name}"] = [wrong]
        else:
            lines.append(f"export {name}={shlex.quote(text_of(value))}")
    if details:
        raise _invalid(details)
    return "\n".join([*lines, script.script_text])


def _unknown(script: Script, call: ScriptCall) -> dict[str, list[str]]:
    """The errors of names that the script does not have, or not in this place."""
    sensitive = {each.name: each.sensitive for each in script.parameters}
    details: dict[str, list[str]] = {}
    for name, value in call.parameters.items():
        if name not in sensitive:
            details[f"parameters.{name}"] = [f"is unknown. Allowed: {_listed(sensitive)}"]
        elif sensitive[name] and value is not None:
            details[f"parameters.{name}"] = ["is sensitive: give the name of a secret, in secrets"]
    for name in call.secrets:
        if not sensitive.get(name):
            takers = [each for each, is_sensitive in sensitive.items() if is_sensitive]
            details[f"secrets.{name}"] = [f"is not a sensitive parameter. Allowed: {_listed(takers)}"]
    return details


def _guard(secrets: Mapping[str, str]) -> str:
    """The line that ends a command whose agent has not set its secrets: it would run with empty ones."""
    return (
        f'[ "${{{SECRETS_VARIABLE}-}}" = "{variables_text(secrets)}" ] || '
        f'{{ echo "{NO_ENVIRONMENT}" >&2; exit {NO_ENVIRONMENT_EXIT_CODE}; }}'
    )


def variables_text(names: Iterable[str]) -> str:
    """The names of variables as the value of `SECRETS_VARIABLE`."""
    return " ".join(sorted(names))


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


def no_such_secrets(secrets: Mapping[str, str]) -> EdgeError:
    """The error of a run that names secrets, by its parameters, which do not exist."""
    return _invalid({f"secrets.{name}": [f"there is no secret {secret!r}"] for name, secret in secrets.items()})


def _is_between(parameter: Parameter, value: int) -> bool:
    above = parameter.minimum is None or value >= parameter.minimum
    return above and (parameter.maximum is None or value <= parameter.maximum)


def _allowed(parameter: Parameter) -> str:
    if parameter.sensitive:
        return "the name of a secret"
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


def _wrong_secret(parameter: Parameter) -> str | None:
    if not parameter.sensitive:
        return None if parameter.secret is None else "secret is for sensitive parameters"
    if parameter.type is not ParameterType.STRING:
        return "a sensitive parameter has the type string"
    if parameter.default is not None or parameter.pattern is not None:
        return "a sensitive parameter has neither default nor pattern: its value is a secret"
    if parameter.name.startswith(RESERVED_PREFIX):
        return f"the name of a sensitive parameter cannot begin with {RESERVED_PREFIX}"
    return None


def _wrong_parameter(parameter: Parameter) -> str | None:
    if wrong := _wrong_secret(parameter):
        return wrong
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
