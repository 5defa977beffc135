"""The document of the auth API."""

from chalicelib.machines.api import AUTH_API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document

routes = Endpoints(tag="Documentation")

declare_document(routes, AUTH_API, "show_auth_document")
