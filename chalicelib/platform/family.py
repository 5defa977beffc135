"""The platform's own contexts, which are part of every deployment."""

from chalicelib.platform.access import context as access
from chalicelib.platform.audit import context as audit
from chalicelib.platform.background import context as background
from chalicelib.platform.billing import context as billing
from chalicelib.platform.context import Family
from chalicelib.platform.events import context as events
from chalicelib.platform.idempotency import context as idempotency
from chalicelib.platform.identity import context as identity
from chalicelib.platform.limits import context as limits
from chalicelib.platform.mail import context as mail
from chalicelib.platform.permissions import PERMISSIONS
from chalicelib.platform.provisioning import context as provisioning
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from chalicelib.platform.quotas import context as quotas
from chalicelib.platform.relay import context as relay
from chalicelib.platform.sealing import context as sealing
from chalicelib.platform.secrets import context as secrets
from chalicelib.platform.signing import context as signing
from chalicelib.platform.webhooks import context as webhooks

FAMILY = Family(
    "platform",
    permissions=PERMISSIONS,
    internal=(RESOURCE_CHANGED,),
    contexts=(
        *(access.CONTEXT, limits.CONTEXT, mail.CONTEXT, identity.CONTEXT, idempotency.CONTEXT),
        *(events.CONTEXT, signing.CONTEXT, webhooks.CONTEXT),
        *(background.CONTEXT, audit.CONTEXT, quotas.CONTEXT, secrets.CONTEXT, provisioning.CONTEXT),
        billing.CONTEXT,
        *(relay.CONTEXT, sealing.CONTEXT),
    ),
)
