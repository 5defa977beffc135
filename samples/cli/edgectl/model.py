"""How the commands for a kind of things are declared: `resources` holds the declarations, `building` makes commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How the text of an option becomes a value."""

    TEXT = "text"
    NUMBER = "number"
    SHARE = "share"
    FLAG = "flag"
    TEXTS = "texts"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    KEY_FILES = "key_files"
    KEY_FILE = "key_file"
    TEXT_FILE = "text_file"
    VALUE_FILE = "value_file"
    PARAMETERS = "parameters"
    TARGETS = "targets"
    PAIRS = "pairs"
    LABEL = "label"
    LABELS = "labels"
    LABEL_FILTER = "label_filter"
    SPAN = "span"
    MOMENT = "moment"


@dataclass(frozen=True)
class Field:
    """An option of a command and the field of the request that it fills; a dot reaches into an object of the body.
    ``clears``: the word ``none`` stands for
    null."""

    name: str
    help: str
    kind: Kind = Kind.TEXT
    option: str = ""
    is_required: bool = False
    clears: bool = False

    @property
    def flag(self) -> str:
        return "--" + (self.option or self.name).replace("_", "-")


@dataclass(frozen=True)
class Action:
    """A command for one operation. Each ``{variable}`` of the path is an argument; ``fields`` fill the body, or with
    ``in_query`` the query. ``asks`` is the question before it acts, of which ``{}`` is the thing that the first
    argument means. ``done`` is said for an answer without a body; ``hint`` is printed after the answer, with its
    fields. ``follows``: the answer is a command, which is followed to its end."""

    verb: str
    method: str
    path: str
    help: str
    fields: tuple[Field, ...] = ()
    in_query: bool = False
    asks: str = ""
    done: str = "done"
    hint: str = ""
    columns: tuple[str, ...] = ()
    follows: bool = False


@dataclass(frozen=True)
class Resource:
    """A kind of things: a group of commands. ``path`` is its list; ``columns`` are those of tables. ``names`` are the
    fields by which people call one, beside its ``id``. ``variables`` says of what kind the variables of its paths are,
    where their names do not. ``ids_tell_time``: ids begin with the time at which things were made. ``is_whole``: the
    list is one answer without filters. ``family`` is that of the control plane which serves it, if not every
    installation does."""

    name: str
    help: str
    path: str = ""
    columns: tuple[str, ...] = ()
    filters: tuple[Field, ...] = ()
    names: tuple[str, ...] = ()
    id: str = "id"
    actions: tuple[Action, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    ids_tell_time: bool = False
    is_whole: bool = False
    family: str = ""
