"""The document of the compute API, and the list of the APIs of the installation."""

from chalicelib.machines.api import COMPUTE_API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document, declare_installation

routes = Endpoints(tag="Documentation")

declare_document(routes, COMPUTE_API, "show_compute_document")
declare_installation(routes, "list_apis_of_machines_host")
