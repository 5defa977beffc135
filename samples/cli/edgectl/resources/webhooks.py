"""Events and their receivers, and the control plane itself."""

from edgectl.model import Action, Field, Kind, Resource
from edgectl.resources.shared import V1, delete, show

WEBHOOKS = Resource(
    "webhooks",
    "Receivers of events.",
    f"{V1}/webhooks",
    ("id", "url", "subscribed_events", "consecutive_failures", "paused_until"),
    (Field("url", "Only of this address."),),
    names=("url",),
    variables={"webhook_id": "webhooks"},
    actions=(
        show(f"{V1}/webhooks/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/webhooks",
            "Make one.",
            (
                Field("url", "Its address.", is_required=True),
                Field(
                    "secret",
                    "File with the secret that signs, - for standard input.",
                    Kind.SECRET,
                    "secret-file",
                    is_required=True,
                ),
                Field("subscribed_events", "Type of event; may be repeated.", Kind.TEXTS, "event", is_required=True),
                Field("headers", "Header to send, as name=value; may be repeated.", Kind.PAIRS, "header"),
            ),
        ),
        Action("test", "POST", f"{V1}/webhooks/{{id}}/test", "Send it a test event."),
        Action(
            "rotate",
            "POST",
            f"{V1}/webhooks/{{id}}/rotate_secret",
            "Give it a new secret.",
            (
                Field(
                    "secret",
                    "File with the new secret, - for standard input.",
                    Kind.SECRET,
                    "secret-file",
                    is_required=True,
                ),
                Field("overlap_seconds", "Seconds that both secrets sign.", Kind.NUMBER),
            ),
        ),
        Action(
            "redeliver",
            "POST",
            f"{V1}/webhooks/{{id}}/redeliver",
            "Send again what failed.",
            (Field("since", "What failed since: a time, or a span back as 12h.", Kind.SPAN, is_required=True),),
        ),
        Action(
            "deliveries",
            "GET",
            f"{V1}/webhooks/{{id}}/deliveries",
            "What was sent to it.",
            columns=("id", "event_type", "status", "attempts", "inserted_at"),
        ),
        Action("delivery", "GET", f"{V1}/webhooks/{{id}}/deliveries/{{delivery_id}}", "Show one delivery."),
        Action(
            "redeliver-one",
            "POST",
            f"{V1}/webhooks/{{id}}/deliveries/{{delivery_id}}/redeliver",
            "Send one delivery again.",
        ),
        delete(f"{V1}/webhooks/{{id}}", "Delete the webhook {}?"),
    ),
)

EVENTS = Resource(
    "events",
    "Types of events.",
    f"{V1}/event_types",
    ("type", "description"),
    id="type",
    actions=(
        Action("show", "GET", f"{V1}/event_types/{{name}}", "Show one with its fields and an example."),
        Action("test", "POST", f"{V1}/events/test", "Publish a test event, to see that events arrive."),
    ),
)

ADMIN = Resource(
    "admin",
    "The control plane itself, and the runbook's steps for who deploys it.",
    actions=(
        Action("show", "GET", f"{V1}/admins/me", "What it is."),
        Action("metrics", "GET", f"{V1}/admins/me/metrics", "Its figures."),
    ),
)
