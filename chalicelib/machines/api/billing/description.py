"""The billing API in its published document."""

from chalicelib.machines.api.compute.description import ERROR, ERROR_HEADERS, ERRORS
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description

BILLING = Description(
    title="Billing",
    version="1.0.0",
    text="What a customer may do, how much of it is left, and who the customer is. Times are Unix seconds. A *limit* "
    "counts requests in a window, a *quota* bounds how many things there are at a time.",
    tags={
        "Documentation": "What this API offers",
        "Limits": "Requests a minute, by service and type of operation",
        "Quotas": "Things at a time, by service",
        "Customer": "The caller's customer",
    },
    server=LOCAL_URL,
    server_text="`make up`",
    error=ERROR,
    errors=ERRORS,
    error_headers=ERROR_HEADERS,
    is_newer=True,
)
