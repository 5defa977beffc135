"""Rows as people and programs read them: a table, or JSON, lines of JSON, YAML, CSV."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from edgectl.errors import CliError
from edgectl.writing import visible

Row = Mapping[str, Any]


class Format(StrEnum):
    """The value of ``--output``."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"


def show_rows(rows: Iterable[Row], columns: Sequence[str], form: Format, chosen: str | None) -> None:
    """Print a list. ``chosen`` are the columns that the caller asked for, separated by commas; dots lead into objects
    (``principal.name``). Raises `CliError` for a column that no row has."""
    listed = list(rows)
    if chosen:
        columns = [name.strip() for name in chosen.split(",") if name.strip()]
        _check(columns, listed)
        if form in {Format.JSON, Format.JSONL, Format.YAML}:
            listed = [{name: value_in(row, name) for name in columns} for row in listed]
    match form:
        case Format.TABLE:
            _table(listed, columns)
        case Format.CSV:
            _csv(listed, columns)
        case Format.JSONL:
            for row in listed:
                print(visible(json.dumps(row, ensure_ascii=False)))
        case _:
            _whole(listed, form)


def show_one(row: Any, form: Format) -> None:
    """Print one thing with all its fields."""
    if form is Format.TABLE and isinstance(row, Mapping):
        console = Console(soft_wrap=True)
        width = max(map(len, row), default=0)
        for name, value in row.items():
            console.print(f"[bold]{name:<{width}}[/bold]  ", end="")
            console.print(visible(_cell(value)), markup=False, highlight=False)
    elif form is Format.CSV and isinstance(row, Mapping):
        _csv([row], list(row))
    elif form is Format.JSONL:
        print(visible(json.dumps(row, ensure_ascii=False)))
    else:
        _whole(row, form)


def value_in(row: Row, name: str) -> Any:
    """The value of a column; None if the row has none."""
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _check(columns: Sequence[str], rows: Sequence[Row]) -> None:
    for name in columns:
        if rows and not any(name.split(".")[0] in row for row in rows):
            raise CliError(f"no column {name!r}; there are {', '.join(rows[0])}")


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not rows:
        print("nothing found", file=sys.stderr)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.upper().replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(visible(_cell(value_in(row, name))) for name in columns))
    Console(soft_wrap=not sys.stdout.isatty(), markup=False, highlight=False).print(table)


def _csv(rows: Sequence[Row], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        cells = [_cell(value_in(row, name)) for name in columns]
        # A program that reads a file or a pipe gets the values as they are.
        writer.writerow(map(visible, cells) if sys.stdout.isatty() else cells)


def _whole(data: Any, form: Format) -> None:
    if form is Format.YAML:
        print(yaml.safe_dump(_plain(data), sort_keys=False, allow_unicode=True), end="")
    else:
        print(visible(json.dumps(data, indent=2, ensure_ascii=False)))


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping) and all(isinstance(each, str | int | None) for each in value.values()):
        return ", ".join(f"{name}={each}" for name, each in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
