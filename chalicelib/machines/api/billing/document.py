"""The document of the billing API."""

from chalicelib.machines.api import BILLING_API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document

routes = Endpoints(tag="Documentation")

declare_document(routes, BILLING_API, "show_billing_document")
