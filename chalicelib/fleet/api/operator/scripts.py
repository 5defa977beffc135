"""Saved scripts, for operators: save, list, run and delete."""

from typing import Annotated

from annotated_types import Ge, MaxLen, MinLen
from pydantic import BaseModel, BeforeValidator, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from chalicelib.fleet import fields, samples
from chalicelib.fleet.api.operator.commands import CommandAcceptedOut, accepted
from chalicelib.fleet.api.operator.hiding import without_texts
from chalicelib.fleet.api.operator.rollout_models import RolloutIn
from chalicelib.fleet.api.operator.targeting import TargetingIn
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import SCRIPTS_READ, SCRIPTS_RUN, SCRIPTS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.scripts.model import (
    NAME_PATTERN,
    PARAMETER_PATTERN,
    PARAMETERS_MAX,
    SORTABLE,
    NewScript,
    Parameter,
    ParameterType,
    Run,
    Script,
)
from chalicelib.fleet.wiring import Fleet
from chalicelib.kit.fields import about
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
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
    NoBody,
    NoPath,
    NoQuery,
    OneOf,
    Path,
    Timestamp,
)

routes = Endpoints(tag="Commands.Script")


def _read_value(value: object) -> object:
    if isinstance(value, int) and not INT32_MIN <= value <= INT32_MAX:
        raise problems(f"must be an integer from {INT32_MIN} to {INT32_MAX}")
    if value is None or isinstance(value, bool | int | str):
        return value
    raise problems(wrong_type("string, integer or boolean", value))


Value = Annotated[StrictBool | StrictInt | StrictStr | None, BeforeValidator(_read_value)]
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


class ScriptPath(Path):
    script_name: Annotated[Annotated[str, StringConstraints(pattern=NAME_PATTERN)], _NAME]


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


class ScriptOut(BaseModel):
    """A saved script."""

    name: Annotated[str, _NAME]
    version: Annotated[int, about("Counts the changes of the script, from 1.", 3, minimum=1)]
    description: Annotated[str | None, _DESCRIPTION]
    script_text: Annotated[str | None, about(f"{_TEXT}; null for keys that read no outputs.", samples.SCRIPT_TEXT)]
    parameters: Annotated[list[ScriptParameterOut], about("The parameters in the order in which they were saved.")]
    inserted_at: Annotated[Timestamp, fields.INSERTED_AT]
    updated_at: Annotated[Timestamp, fields.UPDATED_AT]


@routes.put(
    "/api/v1/scripts/{script_name}",
    auth=OPERATOR,
    permission=SCRIPTS_WRITE,
    scope=Scope.INSTALLATION,
    audit="script.save",
    answer=ScriptOut,
    errors=(422,),
    summary="Save a script",
)
def save_script(request: Request[ScriptPath, NoQuery, ScriptSave], services: Fleet) -> ScriptOut:
    """Makes the script of this name, or replaces it as a whole, which makes a new version. Values are never put into
    its text: it finds them in variables, so that no value can become a command. Refused with 422 for parameters that
    contradict themselves. Commands of earlier runs keep their text. Do not save passwords in texts."""
    body = request.body
    parameters = tuple(Parameter.model_validate(one.model_dump()) for one in body.parameters)
    new = NewScript(request.path.script_name, body.script_text, body.description, parameters)
    return _show(services.scripts.save(new), request.principal)


@routes.get(
    "/api/v1/scripts",
    auth=OPERATOR,
    permission=SCRIPTS_READ,
    scope=Scope.INSTALLATION,
    answer=ScriptOut,
    paginated=True,
    summary="List scripts",
)
def list_scripts(request: Request[NoPath, ScriptListQuery, NoBody], services: Fleet) -> Paginated:
    """Lists the saved scripts, newest first unless ordered otherwise."""
    page = services.scripts.list_page(request.query.to_request(SORTABLE))
    return Paginated([_show(script, request.principal) for script in page.items], page)


@routes.get(
    "/api/v1/scripts/{script_name}",
    auth=OPERATOR,
    permission=SCRIPTS_READ,
    scope=Scope.INSTALLATION,
    answer=ScriptOut,
    errors=(404,),
    summary="Get a script",
)
def get_script(request: Request[ScriptPath, NoQuery, NoBody], services: Fleet) -> ScriptOut:
    """Returns one script with its parameters."""
    return _show(services.scripts.get(request.path.script_name), request.principal)


@routes.delete(
    "/api/v1/scripts/{script_name}",
    auth=OPERATOR,
    permission=SCRIPTS_WRITE,
    scope=Scope.INSTALLATION,
    audit="script.delete",
    status=204,
    errors=(404,),
    summary="Delete a script",
)
def delete_script(request: Request[ScriptPath, NoQuery, NoBody], services: Fleet) -> NoContent:
    """Deletes a script. Commands that it was run as go on."""
    services.scripts.delete(request.path.script_name)
    return NoContent()


@routes.post(
    "/api/v1/scripts/{script_name}/run",
    auth=OPERATOR,
    permission=SCRIPTS_RUN,
    scope=Scope.INSTALLATION,
    audit="command.run_script",
    is_deferred=True,
    answer=CommandAcceptedOut,
    status=201,
    errors=(404, 422),
    summary="Run a script on nodes",
)
def run_script(request: Request[ScriptPath, NoQuery, ScriptRun], services: Fleet) -> Created:
    """Makes a command that runs the script, as it is now, on nodes. The command's text sets the variables of the
    parameters and then is the script's text, so that values can be read there: give no passwords. Refused with 422 for
    a parameter that is missing, unknown or of a value that is not allowed, and as new commands are."""
    body = request.body
    return request.once(
        lambda: services.scripts.run(
            request.path.script_name, body.parameters, body.to_run(), reach=reach_of(request.principal)
        ),
        lambda command: accepted(command, request.principal),
    )


def _show(script: Script, principal: Principal) -> ScriptOut:
    shown = ScriptOut(
        name=script.name,
        version=script.version,
        description=script.description,
        script_text=script.script_text,
        parameters=[ScriptParameterOut.model_validate(one.model_dump()) for one in script.parameters],
        inserted_at=script.inserted_at,
        updated_at=script.updated_at,
    )
    return without_texts(shown, principal)
