"""The schemas of the published document that every answer shares: data about it, its page, errors."""

from chalicelib.fleet.api.protocol import NEEDS_CAPACITY
from chalicelib.fleet.nodes.model import Code
from chalicelib.fleet.tails.model import Refusal
from chalicelib.kit.errors import Kind
from chalicelib.platform.idempotency.rules import refusals
from chalicelib.web.openapi_schema import Schema

META: Schema = {
    "type": "object",
    "description": "Data about the answer itself.",
    "required": ["request_id", "timestamp"],
    "properties": {
        "request_id": {
            "type": "string",
            "format": "uuid",
            "description": "UUID of the request, also in the header `x-request-id` and in the logs.",
        },
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "description": "When the answer was made, in UTC with microseconds.",
        },
    },
}
_PAGE_NUMBERS: Schema = {
    "page": {"type": "integer", "minimum": 1, "description": "Number of this page."},
    "page_size": {"type": "integer", "minimum": 1, "description": "Items on a page, as requested."},
    "total_count": {
        "type": "integer",
        "minimum": 0,
        "description": "Items on all pages together; for a long list it may be a lower bound.",
    },
    "total_pages": {"type": "integer", "minimum": 0, "description": "Number of the last page; 0 without any item."},
    "has_next": {"type": "boolean", "description": "Whether there are items after those of this page."},
    "has_prev": {"type": "boolean", "description": "Whether this is not the first page."},
    "next_page": {
        "type": "integer",
        "nullable": True,
        "description": "The page after; null: this is the last.",
    },
    "prev_page": {
        "type": "integer",
        "nullable": True,
        "description": "The page before; null: this is the first.",
    },
}
PAGINATION: Schema = {
    "type": "object",
    "description": "Where the page stands in the list.",
    "required": list(_PAGE_NUMBERS),
    "properties": _PAGE_NUMBERS,
}
CURSOR_PAGINATION: Schema = {
    "type": "object",
    "description": "Where a page that was asked for by cursor stands in the list.",
    "required": ["page_size", "has_next", "next_cursor"],
    "properties": {
        "page_size": {"type": "integer", "minimum": 1, "description": "Items on the page at most, as requested."},
        "has_next": {"type": "boolean", "description": "Whether the list may go on after this page."},
        "next_cursor": {
            "type": "string",
            "nullable": True,
            "description": "The `cursor` of the next page; null at the end of the list.",
        },
    },
    "additionalProperties": False,
}
ERROR: Schema = {
    "type": "object",
    "description": "Why a request was refused or failed.",
    "required": ["error", "meta"],
    "properties": {
        "error": {
            "type": "object",
            "description": "The error, for programs and for people.",
            "required": ["code", "message"],
            "properties": {
                "code": {
                    "type": "string",
                    "enum": [
                        *(kind.value for kind in Kind),
                        NEEDS_CAPACITY.example().code,
                        *(code.value for code in (*Code, *Refusal)),
                        *(error.code for error in refusals()),
                    ],
                    "description": "Kind of error, for programs.",
                },
                "message": {"type": "string", "description": "What is wrong, for people."},
                "details": {
                    "type": "object",
                    "description": "Problems by field: a path with slashes, empty for the whole.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
            "additionalProperties": False,
        },
        "meta": {"$ref": "#/components/schemas/Meta"},
    },
}
