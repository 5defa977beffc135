"""The tables of docs/cost.md."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.bench import prices_extras as extra
from tests.bench import prices_model as model
from tests.bench.prices import ASSUMPTIONS, KNOWN, PRICES, Usage
from tests.bench.prices_agent import BEAT_SECONDS, CONNECTED_POLL_SECONDS, HEALTH_REPORT_SECONDS, SOCKET_LIFE_SECONDS
from tests.bench.prices_limits import tables

DOCUMENT = Path("docs/cost.md")
LIMITS = Path("docs/limits.md")
COMMAND = "python -m tests.bench.sections.cost"


def write() -> None:
    """Put the tables into the documents."""
    _put(DOCUMENT, "figures", figures())
    _put(DOCUMENT, "inputs", inputs())
    _put(LIMITS, "limits", f"{tables()}\n")


def _put(document: Path, part: str, content: str) -> None:
    before, rest = document.read_text().split(_begin(part))
    after = rest.split(_end(part), maxsplit=1)[1]
    document.write_text(f"{before}{_begin(part)}\n{content}\n{_end(part)}{after}")


def part_of(text: str, part: str) -> str:
    """What stands in a document between a part's marks."""
    return text.partition(_begin(part))[2].partition(_end(part))[0].strip("\n")


def inputs() -> str:
    """Every number that is put in: prices, assumptions, habits of the sample agent."""
    prices = [
        (each.service, each.what, f"{each.usd:.10g}", f"{each.per:,.0f}", each.source, "yes" if each.verified else "no")
        for each in PRICES
    ]
    assumed = [(each.what, f"{each.value:,.10g} {each.unit}", each.why) for each in ASSUMPTIONS]
    habits = [
        ("a beat on an open socket", f"{BEAT_SECONDS:,.0f} s"),
        ("a poll while connected", f"{CONNECTED_POLL_SECONDS:,.0f} s"),
        ("a report of health without news", f"{HEALTH_REPORT_SECONDS:,.0f} s"),
        ("life of a socket, mean", f"{SOCKET_LIFE_SECONDS:,.0f} s"),
    ]
    return "\n".join(
        (
            f"Prices of us-east-1, known {KNOWN}:\n",
            _table(("service", "what", "USD", "for", "source", "verified"), prices),
            "\nAssumed, since no run here can measure it:\n",
            _table(("what", "value", "why"), assumed),
            "\nHabits of the sample agent, read from its code:\n",
            _table(("what", "every"), habits),
        )
    )


def figures() -> str:
    """Everything that follows from the inputs and the measured units."""
    sections = (_at_rest, _idle, _other_habits, _per_million, _scraping, _extras, _fleets, _alternatives)
    return "\n".join(section() for section in sections)


def _at_rest() -> str:
    return "\n".join(
        (
            "### A month at rest, without a node\n",
            f"With the families that are there by default, {_listed(model.BY_DEFAULT)}:\n",
            _sums(model.at_rest(), places=2),
            "\nBy the families that are deployed:\n",
            by_families(),
        )
    )


def by_families() -> str:
    """A row for each set of families: what stands, and its month without a node."""
    rows = [
        (_listed(names), f"{it.queues}", f"{it.alarms}", f"{it.keys}", _usd(model.total(model.at_rest(names)).usd, 2))
        for names, it in ((names, model.standing(names)) for names in model.SETS)
    ]
    return _table(("families", "queues that are polled", "alarms", "keys", "USD"), rows)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _idle() -> str:
    rows = [
        (f"connected, a beat every {beat:,.0f} s", _usd(model.total(model.idle_connected(model.Habits(beat))).usd, 4))
        for beat in model.BEATS_SECONDS
    ]
    rows += [
        (f"polling every {poll:,.0f} s", _usd(model.total(model.idle_polling(poll)).usd, 4))
        for poll in model.POLLS_SECONDS
    ]
    return "\n".join(
        (
            "### An idle node, a month\n",
            _table(("a node that is", "USD"), rows),
            "\nThe connected node at the default heartbeat interval:\n",
            _sums(model.idle_connected(), places=4),
        )
    )


def _other_habits() -> str:
    habits = model.other_habits().items()
    rows = [(what, _usd(model.total(model.idle_connected(each)).usd, 4)) for what, each in habits]
    return "### What its habits save\n\nOne thing done otherwise, each by itself.\n\n" + _table(("habit", "USD"), rows)


def _per_million() -> str:
    millions = model.per_million()
    services = list(dict.fromkeys(price.service for price in PRICES))
    used = [name for name in services if any(usage.by_service()[name] >= 0.005 for usage in millions.values())]
    rows = [
        (what, *(_usd(usage.by_service()[name], 2) for name in used), _usd(usage.usd, 2))
        for what, usage in millions.items()
    ]
    return "### A million of each, in USD\n\n" + _table(("", *used, "together"), rows)


def _scraping() -> str:
    node = model.total(model.idle_connected()).usd
    rows = []
    for every in extra.SCRAPES_SECONDS:
        host, agent = (extra.scraping(every, kind).usd for kind in ("host", "agent"))
        rows.append((f"every {every:,.0f} s", _usd(host, 3), _usd(agent, 3), f"{host / node:,.0f}"))
    head = ("a node's metrics are read", "USD, its host", "USD, its agent", "its host, in idle nodes")
    return "### A Prometheus, for each node a month\n\n" + _table(head, rows)


def _extras() -> str:
    rows = [(what, _usd(usage.usd, 2)) for what, usage in extra.extras().items()]
    return "### What may come on top, a month\n\n" + _table(("what", "USD"), rows)


def _fleets() -> str:
    rows = [
        (
            f"{nodes:,}",
            _usd(model.fleet(nodes).usd, 2),
            _usd(model.fleet(nodes, commands_a_day=1).usd, 2),
            _usd(extra.scraping(extra.documented_seconds("scrape_interval")).usd * nodes, 2),
            _usd(model.systems_manager_usd(nodes), 2),
        )
        for nodes in model.FLEETS
    ]
    head = (
        "connected nodes",
        "idle",
        "a command a day for all, a webhook for every end",
        "a Prometheus on top, at hosts, as documented",
        "Systems Manager, advanced",
    )
    return "### A fleet, a month, in USD\n\n" + _table(head, rows)


def _alternatives() -> str:
    rest = model.total(model.at_rest()).usd
    node = model.total(model.idle_connected()).usd
    rows = [
        (
            each.what,
            f"{each.instance}, {each.disk_gb:.0f} GB",
            _usd(model.server_usd(each), 2),
            each.most_nodes,
            f"{(model.server_usd(each) - rest) / node:,.0f}",
        )
        for each in model.SERVERS
    ]
    head = (
        "server",
        "rented as",
        "USD a month",
        "nodes that it is said to carry",
        "as much as so many idle nodes here",
    )
    return "### A server of one's own\n\n" + _table(head, rows)


def _sums(parts: Mapping[str, Usage], *, places: int) -> str:
    rows = [(what, _usd(usage.usd, places)) for what, usage in parts.items()]
    return _table(("what", "USD"), [*rows, ("together", _usd(model.total(parts).usd, places))])


def _usd(value: float, places: int) -> str:
    return f"{value:,.{places}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _begin(part: str) -> str:
    return f"<!-- {part}: written by {COMMAND} -->\n"


def _end(part: str) -> str:
    return f"<!-- end of {part} -->\n"
