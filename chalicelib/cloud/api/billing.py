"""Bills of a tenant: what its resources cost."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import PlainSerializer, RootModel

from chalicelib.cloud.api.credentials import USER
from chalicelib.cloud.api.fields import TENANT_ID, TIME, USER_ID, Shown
from chalicelib.cloud.permissions import ACCOUNTING_READ
from chalicelib.cloud.wiring import Cloud
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.fields import about
from chalicelib.kit.ids import digest_uuid
from chalicelib.platform.access.principal import Scope
from chalicelib.platform.billing.model import NANOS, Bill, Part
from chalicelib.platform.billing.prices import CURRENCY
from chalicelib.platform.billing.rules import dollars, hours
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import DateTime, NoBody, NoPath, NoQuery, Query, Timestamp

routes = Endpoints(tag="Billing", auth=USER, scope=Scope.TENANT)

_ID = "01a1fd8c-9bc8-8fee-8afc-f6c8cad02201"
_INSTANCE = "01a1fd8c-9bc8-7fee-8afc-f6c8cad02202"

Number = Annotated[Decimal, PlainSerializer(float, return_type=float)]
"""A decimal that is shown as a number."""


class PeriodQuery(Query):
    start: Annotated[
        DateTime | None, about("Begin of the period, with its zone; without one 30 days before the end.", TIME)
    ] = None
    end: Annotated[DateTime | None, about("End of the period, with its zone; without one now.", TIME)] = None


class BillOut(Shown):
    """The bill of a tenant for a period."""

    user_id: Annotated[str | None, about("UUID of the user who asks; null for none.", USER_ID, format="uuid")]
    tenant_id: Annotated[str, about("UUID of the tenant that owes it.", TENANT_ID)]
    total_amount: Annotated[Number, about("Sum of `usage_by_type`.", 1.656)]
    currency: Annotated[str, about("Currency of all amounts, by ISO 4217.", CURRENCY)]
    usage_by_type: Annotated[
        dict[str, Number], about("Amount of each type of thing, to a millionth.", {"instance": 1.656})
    ]
    usage_quantities: Annotated[
        dict[str, Number], about("Hours of each type of thing, which is in capitals here.", {"INSTANCE": 60.0})
    ]
    period_start: Annotated[Timestamp, about("Begin of the period, inclusive.", TIME)]
    period_end: Annotated[Timestamp, about("End of the period, exclusive.", TIME)]


class ForecastOut(Shown):
    """The debt of a tenant for this calendar month, if all that is there stays as it is."""

    tenant_id: Annotated[str, about("UUID of the tenant that will owe it.", TENANT_ID)]
    currency: Annotated[str, about("Currency of the forecast, by ISO 4217.", CURRENCY)]
    amount_so_far: Annotated[Number, about("Amount that is owed until now.", 1.656)]
    forecast_amount: Annotated[Number, about("Amount that is expected at the end of the month.", 8.28)]
    forecast_by_type: Annotated[dict[str, Number], about("Expected amount of each type of thing.", {"instance": 8.28})]
    period_start: Annotated[Timestamp, about("First moment of the month, in UTC.", "2026-11-01T00:00:00Z")]
    period_end: Annotated[Timestamp, about("First moment of the next month, in UTC.", "2026-12-01T00:00:00Z")]


class UsageOut(Shown):
    """A time in which a thing cost the same."""

    id: Annotated[str, about("UUID of the record: the same whenever it is asked for.", _ID, format="uuid")]
    user_id: Annotated[
        str | None, about("UUID of who made the thing; null where that is not one.", USER_ID, format="uuid")
    ]
    tenant_id: Annotated[str, about("UUID of the tenant that has the thing.", TENANT_ID)]
    resource_id: Annotated[str, about("UUID of the thing.", _INSTANCE, format="uuid")]
    resource_type: Annotated[str, about("Type of the thing, in capitals.", "INSTANCE")]
    resource_size: Annotated[str, about("Size of the thing, as the price table has it.", "ubuntu-small")]
    quantity: Annotated[Number, about("Hours of its units within the period.", 60.0)]
    unit: Annotated[str, about("Unit of the quantity.", "hours")]
    unit_price: Annotated[Number, about("Price of one, as it was when the time began.", 0.0276)]
    amount: Annotated[Number, about("Cost of this time, to a millionth.", 1.656)]
    start_time: Annotated[Timestamp, about("Begin of the time, within the period.", TIME)]
    end_time: Annotated[Timestamp, about("End of the time, within the period; now, if it goes on.", TIME)]


class UsagesOut(RootModel[tuple[UsageOut, ...]]):
    """The parts of a bill: times that go on first, then those that ended last."""


@routes.get(
    "/billing/summary",
    permission=ACCOUNTING_READ,
    answer=BillOut,
    summary="Get the bill",
)
def get_bill(request: Request[NoPath, PeriodQuery, NoBody], services: Cloud) -> BillOut:
    """Adds up what the things of the tenant cost in a period of 400 days at most. Amounts are added exactly and rounded
    once for each type. A change is in the bill some seconds after it happened. 400 for a period that ends before it
    begins, or since whose start more than 50,000 intervals have ended."""
    by = request.principal
    bill = services.bills.summary(by.tenant, request.query.start, request.query.end)
    return BillOut(
        user_id=by.user or None,
        tenant_id=by.tenant,
        total_amount=bill.total,
        currency=CURRENCY,
        usage_by_type=dict(bill.amounts),
        usage_quantities={name.upper(): amount for name, amount in bill.hours.items()},
        **_period(bill),
    )


@routes.get(
    "/billing/usage",
    permission=ACCOUNTING_READ,
    answer=UsagesOut,
    summary="List usage",
)
def list_usage(request: Request[NoPath, PeriodQuery, NoBody], services: Cloud) -> UsagesOut:
    """Lists what a bill adds up, a thousand at most: a shorter period shows the others."""
    tenant = request.principal.tenant
    usage = services.bills.usage(tenant, request.query.start, request.query.end)
    return UsagesOut(tuple(_show(part, tenant) for part in usage))


@routes.get(
    "/billing/forecast",
    permission=ACCOUNTING_READ,
    answer=ForecastOut,
    summary="Get a forecast",
)
def get_forecast(request: Request[NoPath, NoQuery, NoBody], services: Cloud) -> ForecastOut:
    """Returns what the tenant owes for this calendar month so far, and what it will owe at the month's end, if all that
    runs now runs on and nothing else comes."""
    tenant = request.principal.tenant
    forecast = services.bills.forecast(tenant)
    return ForecastOut(
        tenant_id=tenant,
        currency=CURRENCY,
        amount_so_far=forecast.so_far.total,
        forecast_amount=forecast.expected.total,
        forecast_by_type=dict(forecast.expected.amounts),
        **_period(forecast.expected),
    )


def _period(bill: Bill) -> dict[str, str]:
    return {"period_start": to_seconds_text(bill.period.start), "period_end": to_seconds_text(bill.period.end)}


def _show(part: Part, tenant: str) -> UsageOut:
    interval, charged = part.interval, part.charged
    return UsageOut(
        id=digest_uuid(f"{interval.resource_id}#{interval.position}"),
        user_id=_uuid_or_none(interval.owner),
        tenant_id=tenant,
        resource_id=interval.resource_id,
        resource_type=charged.type.upper(),
        resource_size=charged.size,
        quantity=hours(part.unit_seconds),
        unit=charged.unit,
        unit_price=Decimal(charged.nanos) / NANOS,
        amount=dollars(part.nano_seconds),
        start_time=to_seconds_text(part.start),
        end_time=to_seconds_text(part.end),
    )


def _uuid_or_none(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None
