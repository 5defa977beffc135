"""`Scripts`: scripts are saved, read, run and deleted."""

from collections.abc import Mapping

from chalicelib.fleet.commands.model import Command, NewCommand
from chalicelib.fleet.commands.service import Commands
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.scripts import rules, store
from chalicelib.fleet.scripts.model import NewScript, Run, Script, ScriptCall
from chalicelib.fleet.scripts.store import ALL_SCRIPTS, SCRIPTS
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import write_current
from chalicelib.kit.errors import found, unavailable
from chalicelib.kit.listing import Listing, ListPage, ListRequest, Lists, Moment, Text
from chalicelib.kit.tables import ConditionFailedError, Tables
from chalicelib.platform.secrets.service import Secrets

FIELDS = {
    "name": Text("name"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}
"""The filters and orders of scripts."""

_LIST = Listing(SCRIPTS, fields=FIELDS, sources=(ALL_SCRIPTS,))


class Scripts:
    """A run is a command: what became of it is told by that, whatever becomes of the script."""

    def __init__(self, tables: Tables, clock: Clock, *, commands: Commands, secrets: Secrets, lists: Lists) -> None:
        self._tables = tables
        self._clock = clock
        self._commands = commands
        self._secrets = secrets
        self._lists = lists

    def save(self, new: NewScript) -> Script:
        """Make the script of this name, or replace it as a whole: a later version. The same once more changes nothing.
        Raises `EdgeError` (validation failed, service unavailable)."""
        rules.check(new)
        for _ in self._tables.tries():
            known = store.find(self._tables, new.name)
            if known is not None and _is_same(known, new):
                return known
            try:
                return self._insert(new) if known is None else self._replace(known, new)
            except ConditionFailedError:
                continue
        raise unavailable()

    def get(self, name: str) -> Script:
        """Raises `EdgeError` (not found)."""
        return found(store.find(self._tables, name))

    def list_page(self, request: ListRequest) -> ListPage[Script]:
        """One page; raises as `Lists.page` does."""
        return self._lists.page(_LIST, request).map(store.from_item)

    def delete(self, name: str) -> None:
        """Delete a script; commands that it was run as go on. Raises `EdgeError` (not found, service unavailable)."""
        write_current(self._tables, self.get(name), store.remove, store.from_item, "script.deleted")

    def command_of(self, call: ScriptCall, run: Run) -> NewCommand:
        """The command that runs the script as it is now. Raises `EdgeError` (not found, validation failed)."""
        script = self.get(call.name)
        new = rules.new_command(script, call, run)
        self._check_secrets(new.secrets)
        return new

    def scheduled(self, call: ScriptCall) -> Script:
        """The script that a schedule runs. Raises `EdgeError` (validation failed) if it, or a secret that it would use,
        does not exist."""
        script = store.find(self._tables, call.name)
        if script is None:
            raise rules.no_such_script(call.name)
        self._check_secrets(rules.secrets_of(script, call))
        return script

    def run(self, call: ScriptCall, run: Run, *, reach: Reach) -> Command:
        """Run the script as a command. Raises `EdgeError` (not found, validation failed)."""
        return self._commands.create(self.command_of(call, run), reach=reach, is_awaited=True)

    def _check_secrets(self, secrets: Mapping[str, str]) -> None:
        """Raises `EdgeError` (validation failed) for secrets that do not exist."""
        missing = self._secrets.missing(secrets.values()) if secrets else []
        if missing:
            raise rules.no_such_secrets({name: secret for name, secret in secrets.items() if secret in missing})

    def _insert(self, new: NewScript) -> Script:
        now = to_seconds_text(self._clock.now())
        script = Script(
            id=new.name,
            name=new.name,
            description=new.description,
            script_text=new.script_text,
            parameters=new.parameters,
            inserted_at=now,
            updated_at=now,
        )
        self._tables.write(store.insert(script), "script.created")
        return script

    def _replace(self, known: Script, new: NewScript) -> Script:
        changed = known.model_copy(
            update={
                "description": new.description,
                "script_text": new.script_text,
                "parameters": new.parameters,
                "updated_at": to_seconds_text(self._clock.now()),
                "version": known.version + 1,
            }
        )
        self._tables.write(store.replace(changed, known.version), "script.changed")
        return changed


def _is_same(known: Script, new: NewScript) -> bool:
    return (known.description, known.script_text, known.parameters) == (
        new.description,
        new.script_text,
        new.parameters,
    )
