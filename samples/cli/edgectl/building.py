"""Makes the commands of a kind of things from its declaration."""

import inspect
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from string import Formatter
from typing import Annotated, Any

import typer
from rich.console import Console

from edgectl import values
from edgectl.client import Client, Json
from edgectl.errors import CliError
from edgectl.following import Live, Outputs, Quiet, Show, Wait, WaitSeconds, follow, following_of, giving
from edgectl.lookup import find, rows_of
from edgectl.model import Action, Field, Kind, Resource
from edgectl.output import Format, show_one, show_rows
from edgectl.resources import BY_NAME
from edgectl.session import Session, session_of
from edgectl.targets import targeting_of
from edgectl.writing import Raw, visible

WATCH_SECONDS = 2.0

Output = Annotated[Format, typer.Option("--output", "-o", help="table, json, jsonl, yaml or csv.")]
Columns = Annotated[str | None, typer.Option("--columns", help="Columns to show, separated by commas.")]

_MANY = frozenset(
    {Kind.TEXTS, Kind.KEY_FILES, Kind.PAIRS, Kind.LABELS, Kind.LABEL_FILTER, Kind.TARGETS, Kind.PARAMETERS}
)
_NONE = "none"

_FOLLOWING: Mapping[str, tuple[Any, Any]] = {
    "wait": (Wait, True),
    "wait_at_most": (WaitSeconds, None),
    "show": (Show, Outputs.AUTO),
    "tail": (Live, False),
    "quiet": (Quiet, False),
    "raw": (Raw, False),
}
"""The options of what is followed, with their types and defaults."""


def group_of(resource: Resource) -> typer.Typer:
    """The group of commands of a kind of things."""
    group = typer.Typer(help=resource.help, no_args_is_help=True)
    if resource.path:
        group.command("list", help="List them.")(_list(resource))
    for action in resource.actions:
        group.command(action.verb, help=action.help)(_act(resource, action))
    return group


def _list(resource: Resource) -> Callable[..., None]:
    def run(**given: Any) -> None:
        session = session_of(given.pop("context"))
        form, columns, watch = given.pop("output"), given.pop("columns"), given.pop("watch")
        limit, further = given.pop("limit"), values.pairs_of(given.pop("filter"), "--filter")
        client = session.client()
        query = further | _values(session, client, resource.filters, given)
        while True:
            rows = rows_of(client, resource, limit, **query)
            if watch:
                Console().clear()
            show_rows(rows, resource.columns, form, columns)
            if not watch:
                return
            (session.sleep or time.sleep)(WATCH_SECONDS)

    options = [
        _keyword("limit", int | None, typer.Option("--limit", help="Show at most so many."), default=None),
        _keyword(
            "filter",
            list[str],
            typer.Option("--filter", help="A further filter of the API, as name=value."),
            default=[],
        ),
        _keyword("watch", bool, typer.Option("--watch", "-w", help="Show again every two seconds."), default=False),
        *_output_options(),
    ]
    return _with_signature(run, [*map(_option, resource.filters), *options])


def _act(resource: Resource, action: Action) -> Callable[..., None]:
    variables = [name for _, name, _, _ in Formatter().parse(action.path) if name]

    def run(**given: Any) -> None:
        session = session_of(given.pop("context"))
        form, columns, sure = given.pop("output"), given.pop("columns"), given.pop("yes", True)
        named = [given.pop(_argument_of(resource, name)) for name in variables]
        how = following_of(**{name: given.pop(name) for name in _FOLLOWING}) if action.follows else None
        client = session.client()
        found = [find(client, _kind_of(resource, name), text) for name, text in zip(variables, named, strict=True)]
        if not sure:
            typer.confirm(visible(action.asks.format(*(each.called for each in found))), abort=True, err=True)
        sent = _values(session, client, action.fields, given)
        path = action.path.format(**{name: each.id for name, each in zip(variables, found, strict=True)})
        body = None if action.in_query or action.method in {"GET", "DELETE"} else _body(action, sent)
        if action.columns:
            show_rows(list(client.walk(path)), action.columns, form, columns)
            return
        with giving() if how else nullcontext():
            answer = client.send(action.method, path, query=sent if action.in_query else None, body=body)
        if how:
            follow(session, client, answer["data"], how, form)
            return
        _tell(client, action, answer, form)

    asks = (
        [_keyword("yes", bool, typer.Option("--yes", "-y", help="Do not ask."), default=False)] if action.asks else []
    )
    follows = [_plain(name, *declared) for name, declared in _FOLLOWING.items()] if action.follows else []
    arguments = [_positional(_argument_of(resource, name)) for name in variables]
    return _with_signature(run, [*arguments, *map(_option, action.fields), *asks, *follows, *_output_options()])


def _tell(client: Client, action: Action, answer: Json, form: Format) -> None:
    if answer is None:
        typer.echo(action.done, err=True)
        return
    data = answer["data"] if isinstance(answer, Mapping) and "data" in answer else answer
    show_one(data, form)
    if action.hint and form is Format.TABLE:
        typer.echo("\n" + action.hint.format(**{"url": client.url, **data}))


def _body(action: Action, sent: dict[str, Any]) -> dict[str, Any] | None:
    """A POST without a declared body has none. A change that changes nothing is refused."""
    if not action.fields:
        return None
    if action.method == "PATCH" and not sent:
        raise CliError(f"nothing to change: give one of {', '.join(field.flag for field in action.fields)}")
    body: dict[str, Any] = {}
    for name, value in sent.items():
        *outer, last = name.split(".")
        within = body
        for part in outer:
            within = within.setdefault(part, {})
        within[last] = value
    return body


def _values(session: Session, client: Client, fields: tuple[Field, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the options that were given, by the names of the request."""
    found = {field: given[_parameter_of(field)] for field in fields}
    return {
        field.name: _value(session, client, field, value)
        for field, value in found.items()
        if value is not None and value != []
    }


def _value(session: Session, client: Client, field: Field, value: Any) -> Any:
    if field.clears and str(value).lower() == _NONE:
        return None
    match field.kind:
        case Kind.TARGETS:
            return targeting_of(client, value)
        case Kind.MOMENT | Kind.SPAN as kind:
            return values.moment_of(value, field.flag, session.now(), back=kind is Kind.SPAN)
        case kind if kind in _READERS:
            return _READERS[kind](value, field.flag)
        case _:
            return _named(client, field, value)


def _named(client: Client, field: Field, value: Any) -> Any:
    """The value; of a filter by node the id of the node that it names."""
    return find(client, BY_NAME["nodes"], value).id if field.name == "node_id" else value


_READERS: Mapping[Kind, Callable[[Any, str], Any]] = {
    Kind.NUMBER: values.number_of,
    Kind.SHARE: values.share_of,
    Kind.TEXT_FILE: values.whole_text_of,
    Kind.VALUE_FILE: values.value_of,
    Kind.PARAMETERS: values.parameters_of,
    Kind.SECRET: values.secret_of,
    Kind.KEY_FILE: values.public_key_of,
    Kind.KEY_FILES: values.public_keys_of,
    Kind.PAIRS: values.pairs_of,
    Kind.LABEL: lambda text, option: values.label_filter_of([text], option),
    Kind.LABELS: values.labels_of,
    Kind.LABEL_FILTER: values.label_filter_of,
}
"""How a text becomes the value of a request, without asking the control plane."""


def _kind_of(resource: Resource, variable: str) -> Resource:
    """The kind of things that a variable of a path names; an unknown one takes ids only."""
    if variable in {"id", "name"}:
        return resource
    return BY_NAME[resource.variables[variable]] if variable in resource.variables else _IDS


_IDS = Resource("ids", "", id="as it is")


def _argument_of(resource: Resource, variable: str) -> str:
    return (
        resource.name.removesuffix("s").replace("-", "_")
        if variable in {"id", "name"}
        else variable.removesuffix("_id")
    )


def _parameter_of(field: Field) -> str:
    return f"of_{field.name.replace('.', '_')}"


def _option(field: Field) -> inspect.Parameter:
    kinds: dict[Kind, Any] = {Kind.FLAG: bool | None, **dict.fromkeys(_MANY, list[str])}
    wanted = kinds.get(field.kind, str | None)
    flag = f"{field.flag}/--no-{field.flag[2:]}" if field.kind is Kind.FLAG else field.flag
    option = typer.Option(flag, help=field.help)
    if field.is_required:
        return _keyword(
            _parameter_of(field), list[str] if field.kind in _MANY else str, option, default=inspect.Parameter.empty
        )
    return _keyword(_parameter_of(field), wanted, option, default=[] if field.kind in _MANY else None)


def _output_options() -> list[inspect.Parameter]:
    return [_plain("output", Output, Format.TABLE), _plain("columns", Columns, None)]


def _plain(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _keyword(name: str, kind: Any, option: Any, *, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def _positional(name: str) -> inspect.Parameter:
    annotation = Annotated[str, typer.Argument(show_default=False)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation)


def _with_signature(run: Callable[..., None], parameters: list[inspect.Parameter]) -> Callable[..., None]:
    """Typer reads what a command takes from its signature."""
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    every = [context, *parameters]
    run.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in every}
    return run
