"""Requests and answers of saved scripts."""

from typing import Annotated

from annotated_types import Ge, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.rollout_models import RolloutIn
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.scripts.model import (
    NAME_PATTERN,
    PARAMETER_PATTERN,
    PARAMETERS_MAX,
    SORTABLE,
    VALUE_PATTERN_MAX,
    ParameterType,
    Run,
)
from chalicelib.kit.fields import about
from chalicelib.platform.secrets.model import NAME_PATTERN as SECRET_NAME_PATTERN
from chalicelib.web.list_query import ListQuery, OrderBy, TextFilter, matching, ordering
from chalicelib.web.problems import problems, wrong_type
from chalicelib.web.validation import (
    INT32_MAX,
    INT32_MIN,
    Body,
    Boolean,
    CountedFirst,
    DateTime,
    Int32,
    OneOf,
    Path,
    Timestamp,
)


def _read_value(value: object) -> object:
    if isinstance(value, int) and not INT32_MIN <= value <= INT32_MAX:
        raise problems(f"must be an integer from {INT32_MIN} to {INT32_MAX}")
    if value is None or isinstance(value, bool | int | str):
        return value
    raise problems(wrong_type("string, integer or boolean", value))


Value = Annotated[StrictBool | StrictInt | StrictStr | None, BeforeValidator(_read_value)]
ScriptName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
SecretName = Annotated[str, StringConstraints(pattern=SECRET_NAME_PATTERN)]
NamedSecrets = Annotated[dict[str, SecretName], MaxLen(PARAMETERS_MAX), CountedFirst()]
ParameterName = Annotated[str, StringConstraints(pattern=PARAMETER_PATTERN)]

_NAME = about("Name of the script.", samples.SCRIPT)
_DESCRIPTION = about("What the script is for; null: not said.", "Restarts a unit and shows its state")
_TEXT = "Text for the shell of the node, which finds the values of parameters in variables of their names"
_PARAMETER_DESCRIPTION = about("What the parameter is for; null: not said.", "The unit to restart")
_PARAMETER_NAME = about("Name of the parameter, and of the variable that the script finds its value in.", "UNIT")
_PARAMETER_TYPE = about("Type of its value; `enum`: one of `values`.", "string")
_REQUIRED = about("Whether a run has to give it, unless it has a default.", True)
_DEFAULT = about("Value of runs that give none; null: its variable is then unset.", None)
_VALUES = about("The allowed values of an `enum`; empty for other types.", [])
_MINIMUM = about("Smallest allowed `integer`; null: any.", None)
_MAXIMUM = about("Largest allowed `integer`; null: any.", None)
_PATTERN = about(
    "Regular expression that the whole of a `string` must match; null: any. Of Rust's kind: without look-around and "
    "back-references.",
    None,
)
_SENSITIVE = about("Whether its value is a secret, which runs name and never give.", False)
_DEFAULT_SECRET = about("Name of the secret of runs that name none; null: its variable is then unset.", None)
_SECRETS = about("Names of secrets by the names of sensitive parameters.", {})


class ScriptPath(Path):
    script_name: Annotated[ScriptName, _NAME]


class ScriptParameterIn(Body):
    """Declares a variable of the script, and the values that a run may give it."""

    name: Annotated[ParameterName, _PARAMETER_NAME]
    type: Annotated[OneOf[ParameterType], _PARAMETER_TYPE]
    description: Annotated[Annotated[str, MaxLen(500)] | None, _PARAMETER_DESCRIPTION] = None
    required: Annotated[Boolean, _REQUIRED] = False
    default: Annotated[Value, _DEFAULT] = None
    values: Annotated[tuple[str, ...], MaxLen(100), CountedFirst(), _VALUES] = ()
    minimum: Annotated[Int32 | None, _MINIMUM] = None
    maximum: Annotated[Int32 | None, _MAXIMUM] = None
    pattern: Annotated[Annotated[str, MinLen(1), MaxLen(VALUE_PATTERN_MAX)] | None, _PATTERN] = None
    sensitive: Annotated[Boolean, _SENSITIVE] = False
    secret: Annotated[SecretName | None, _DEFAULT_SECRET] = None


class ScriptSave(Body):
    """A script as a whole."""

    description: Annotated[Annotated[str, MaxLen(500)] | None, _DESCRIPTION] = None
    script_text: Annotated[str, MinLen(1), about(f"{_TEXT}.", samples.SCRIPT_TEXT)]
    parameters: Annotated[
        tuple[ScriptParameterIn, ...], MaxLen(PARAMETERS_MAX), CountedFirst(), about("What a run may give.")
    ] = ()


class ScriptRun(Body):
    """The values and the nodes of a run of a script."""

    parameters: Annotated[
        dict[str, Value],
        MaxLen(PARAMETERS_MAX),
        CountedFirst(),
        about("Values by the names of parameters; null: not given.", {"UNIT": "nginx"}),
    ] = Field(default_factory=dict)
    secrets: Annotated[NamedSecrets, _SECRETS] = Field(default_factory=dict)
    timeout: Annotated[Annotated[Int32, Ge(1)] | None, fields.TIMEOUT] = None
    expired_at: Annotated[
        DateTime | None,
        about("Deadline of the run. Left out: as for a new command. Null: none.", samples.DAY_LATER),
    ] = None
    targeting: Annotated[TargetingIn, about("The nodes that run the script.")]
    rollout: Annotated[
        RolloutIn | None,
        about("Makes executions in waves, as earlier ones end. Null or left out: all are made at once."),
    ] = None

    def to_run(self) -> Run:
        return Run(
            self.targeting.to_targeting(),
            self.timeout,
            self.expired_at,
            never_expires="expired_at" in self.model_fields_set and self.expired_at is None,
            allow_missing=self.targeting.allow_missing,
            rollout=None if self.rollout is None else self.rollout.to_limits(),
        )


class ScriptListQuery(ListQuery):
    order_by: Annotated[OrderBy, ordering(SORTABLE)] = None
    name: Annotated[TextFilter, matching("the name of the script")] = None


class ScriptParameterOut(BaseModel):
    """A name that runs may give a value, and the values that are allowed."""

    name: Annotated[str, _PARAMETER_NAME]
    type: Annotated[OneOf[ParameterType], _PARAMETER_TYPE]
    description: Annotated[str | None, _PARAMETER_DESCRIPTION]
    required: Annotated[bool, _REQUIRED]
    default: Annotated[bool | int | str | None, _DEFAULT]
    values: Annotated[list[str], _VALUES]
    minimum: Annotated[int | None, _MINIMUM]
    maximum: Annotated[int | None, _MAXIMUM]
    pattern: Annotated[str | None, _PATTERN]
    sensitive: Annotated[bool, _SENSITIVE]
    secret: Annotated[str | None, _DEFAULT_SECRET]


class ScriptOut(BaseModel):
    """A saved script."""

    name: Annotated[str, _NAME]
    version: Annotated[int, about("Counts the changes of the script, from 1.", 3, minimum=1)]
    description: Annotated[str | None, _DESCRIPTION]
    script_text: Annotated[str | None, about(f"{_TEXT}; null for keys that read no outputs.", samples.SCRIPT_TEXT)]
    parameters: Annotated[list[ScriptParameterOut], about("The parameters in the order in which they were saved.")]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]
