"""Questions about an instance."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from annotated_types import MaxLen
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from chalicelib.kit.errors import bad_request
from chalicelib.kit.fields import about
from chalicelib.machines.analytics.model import Dataset, Interval, Span, Topic
from chalicelib.machines.analytics.queries import Queries
from chalicelib.machines.api.analytics.fields import (
    DEFAULT_LIMIT,
    EXAMPLE_INSTANCE,
    InstanceId,
    Limit,
    Offset,
    Pagination,
)
from chalicelib.machines.api.analytics.models import (
    Element,
    QueryOut,
    gap_out,
    signal_out,
    topic_out,
    usage_out,
)
from chalicelib.machines.api.analytics.protocol import ANALYST
from chalicelib.machines.permissions import ANALYTICS_READ
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import Scope
from chalicelib.web.endpoint import Endpoints, Request
from chalicelib.web.validation import Body, CountedFirst, DateTime, NoPath, NoQuery, OneOf

routes = Endpoints(tag="Analytics")

_BY_INTERVAL = (Dataset.TOPICS, Dataset.USAGE)
_BY_TOPIC = (Dataset.TOPICS, Dataset.SIGNALS)


class Question(Body):
    """The base of bodies, whose names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class FilterBody(Question):
    """The filter of elements."""

    topics: Annotated[
        tuple[OneOf[Topic], ...],
        MaxLen(len(Topic)),
        CountedFirst(),
        about("Types of events, any of which.", ["command.failed"]),
    ]


class QueryBody(Question):
    """A question about one instance."""

    instance_id: Annotated[
        InstanceId, about("Instance, or node that is not one, that is asked about.", EXAMPLE_INSTANCE)
    ]
    dataset: Annotated[
        OneOf[Dataset],
        about(
            "`topics`: how often each type of event happened. `signals`: notable changes, in words. `gaps`: times "
            "without contact. `usage`: commands, output, uptime and figures of the machine.",
            "usage",
        ),
    ]
    start: Annotated[DateTime, Field(alias="from"), about("Beginning of the time.", "2026-11-28T00:00:00Z")]
    end: Annotated[DateTime, Field(alias="to"), about("End of the time.", "2026-11-29T00:00:00Z")]
    interval: Annotated[
        OneOf[Interval] | None,
        about("Length of the periods of `topics` and `usage`; without it the whole time is one.", "day"),
    ] = None
    filter: Annotated[FilterBody | None, about("Filter of `topics` and `signals`.")] = None
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0

    @property
    def topics(self) -> Sequence[Topic]:
        return () if self.filter is None else self.filter.topics


@routes.post(
    "/v1/query",
    auth=ANALYST,
    permission=ANALYTICS_READ,
    scope=Scope.TENANT,
    reads=True,
    answer=QueryOut,
    errors=(404,),
    summary="Query the history of an instance",
)
def query_analytics(request: Request[NoPath, NoQuery, QueryBody], services: Machines) -> QueryOut:
    """Answers a dataset of one instance. Figures are kept by the hour and by the day, in UTC, and a time is widened to
    whole ones: each element says which it is about. An instance of another tenant is not found."""
    asked = request.body
    _check(asked)
    now = services.platform.clock.now()
    elements = _elements(services.analytics.queries(request.principal.tenant), asked, now)
    shown = elements[asked.offset : asked.offset + asked.limit]
    return QueryOut(elements=shown, pagination=Pagination(total=len(elements), limit=asked.limit, offset=asked.offset))


def _check(asked: QueryBody) -> None:
    """Raises `EdgeError` (bad request) for parts that do not belong together."""
    if asked.end <= asked.start:
        raise bad_request({"to": ["must be after from"]})
    if asked.interval is not None and asked.dataset not in _BY_INTERVAL:
        raise bad_request({"interval": [f"does not belong to the dataset {asked.dataset}"]})
    if asked.filter is not None and asked.dataset not in _BY_TOPIC:
        raise bad_request({"filter": [f"does not belong to the dataset {asked.dataset}"]})


def _elements(queries: Queries, asked: QueryBody, now: datetime) -> list[Element]:
    one, span = asked.instance_id, Span(asked.start, asked.end)
    match asked.dataset:
        case Dataset.TOPICS:
            return [topic_out(each) for each in queries.topics(one, span, asked.interval, asked.topics)]
        case Dataset.SIGNALS:
            return [signal_out(each) for each in queries.signals(one, span, asked.topics)]
        case Dataset.GAPS:
            return [gap_out(each, now) for each in queries.gaps(one, span)]
        case Dataset.USAGE:
            return [usage_out(each) for each in queries.usage(one, span, asked.interval)]
