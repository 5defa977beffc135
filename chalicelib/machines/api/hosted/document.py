"""The document of this API."""

from chalicelib.machines.api import HOSTED_API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document

routes = Endpoints(tag="Documentation")

declare_document(routes, HOSTED_API, "show_hosted_document")
