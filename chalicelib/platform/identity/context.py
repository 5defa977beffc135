"""Declares the context `identity`: its tables, queues, functions and their permissions."""

from chalicelib.platform.context import Context
from chalicelib.platform.identity.tenant_store import TENANTS

CONTEXT = Context(name="identity", tables=(TENANTS,))
