"""The guide at ``/``: what this installation is and the first steps with it. Its text is ``guide.html``."""

from html import escape
from pathlib import Path
from string import Template

from chalicelib.fleet.api.protocol import CONTRACT_VERSION
from chalicelib.web.docs.markup import page
from chalicelib.web.version import VERSION

TO_THE_FOLDER = 'if (!location.pathname.endsWith("/")) location.replace(location.pathname + "/")'
"""Relative links need the slash that a stage's own address (``…/api``) may lack. The page's policy allows this script
alone, by its digest."""

_UNKNOWN = "https://where-this-page-is"


def guide(public_url: str) -> str:
    """The page. ``public_url`` is this installation's address, empty if its settings do not name one."""
    text = Template(Path(__file__).with_name("guide.html").read_text(encoding="utf-8"))
    said = {"version": VERSION, "contract_version": CONTRACT_VERSION, "address": public_url or _UNKNOWN}
    body = text.substitute({name: escape(value) for name, value in said.items()})
    return page("Edge Admin, serverless", body, head=f"<script>{TO_THE_FOLDER}</script>")
