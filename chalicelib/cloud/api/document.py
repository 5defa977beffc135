"""The document of the cloud's API, and the list of the APIs of the installation."""

from chalicelib.cloud.api import API
from chalicelib.web.endpoint import Endpoints
from chalicelib.web.served_documents import declare_document, declare_installation

routes = Endpoints(tag="Documentation")

declare_document(routes, API, "show_cloud_document")
declare_installation(routes, "list_apis_of_cloud_host")
