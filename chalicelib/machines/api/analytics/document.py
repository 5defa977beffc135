"""The document of this API."""

from chalicelib.machines.api import ANALYTICS_API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document

routes = Endpoints(tag="Documentation")

declare_document(routes, ANALYTICS_API, "show_analytics_document")
