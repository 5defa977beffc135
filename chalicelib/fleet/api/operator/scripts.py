"""Saved scripts, for operators: save, list, run and delete."""

from chalicelib.fleet.api.operator.commands import CommandAcceptedOut, accepted
from chalicelib.fleet.api.operator.hiding import without_texts
from chalicelib.fleet.api.operator.script_models import (
    ScriptListQuery,
    ScriptOut,
    ScriptParameterOut,
    ScriptPath,
    ScriptRun,
    ScriptSave,
)
from chalicelib.fleet.api.protocol import OPERATOR
from chalicelib.fleet.permissions import SCRIPTS_READ, SCRIPTS_RUN, SCRIPTS_WRITE
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.scripts.model import SORTABLE, NewScript, Parameter, Script, ScriptCall
from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.access.principal import Principal, Scope
from chalicelib.platform.secrets.rules import check_use
from chalicelib.web.endpoint import Created, Endpoints, NoContent, Paginated, Request
from chalicelib.web.validation import NoBody, NoPath, NoQuery

routes = Endpoints(tag="Commands.Script", auth=OPERATOR, scope=Scope.INSTALLATION)


@routes.put(
    "/api/v1/scripts/{script_name}",
    permission=SCRIPTS_WRITE,
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
    if any(parameter.secret is not None for parameter in body.parameters):
        check_use(request.principal)
    parameters = tuple(Parameter.model_validate(one.model_dump()) for one in body.parameters)
    new = NewScript(request.path.script_name, body.script_text, body.description, parameters)
    return _show(services.scripts.save(new), request.principal)


@routes.get(
    "/api/v1/scripts",
    permission=SCRIPTS_READ,
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
    permission=SCRIPTS_READ,
    answer=ScriptOut,
    errors=(404,),
    summary="Get a script",
)
def get_script(request: Request[ScriptPath, NoQuery, NoBody], services: Fleet) -> ScriptOut:
    """Returns one script with its parameters."""
    return _show(services.scripts.get(request.path.script_name), request.principal)


@routes.delete(
    "/api/v1/scripts/{script_name}",
    permission=SCRIPTS_WRITE,
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
    permission=SCRIPTS_RUN,
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
    if body.secrets:
        check_use(request.principal)
    call = ScriptCall(name=request.path.script_name, parameters=body.parameters, secrets=body.secrets)
    return request.once(
        lambda: services.scripts.run(call, body.to_run(), reach=reach_of(request.principal)),
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
