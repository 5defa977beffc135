"""All workers on the Chalice app: for packaging. A deployed worker is loaded by its own name, without the app."""

from importlib import import_module

from chalice.app import Chalice

from chalicelib.platform.context import HttpSource
from chalicelib.platform.families import Families


def register(app: Chalice, families: Families) -> None:
    """Add the workers of these families to `app`: the blueprints of the modules in which their handlers stand."""
    workers = [each.handler for each in families.functions if not isinstance(each.source, HttpSource)]
    for module in dict.fromkeys(handler.rpartition(".")[0] for handler in workers):
        app.register_blueprint(import_module(module).blueprint)
