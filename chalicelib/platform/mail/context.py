"""Declares the context `mail`: its queue, its function and their permissions."""

from chalicelib.platform.context import Context, Function, Grants, QueueSource
from chalicelib.platform.mail.queues import MAILS

CONTEXT = Context(
    name="mail",
    queues=(MAILS,),
    functions=(
        Function(
            "send_mails",
            "chalicelib.platform.workers.send_mails.handler",
            QueueSource(MAILS, 5),
            60,
            loads="access identity mail",
        ),
    ),
    grants={
        "api_handler": Grants(counts=(MAILS,)),
        "relay_changes": Grants(sends=(MAILS,)),
        "send_mails": Grants(sends_mails=True),
    },
)
