"""The table of `make conformance` says what was seen, and its faults are found."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.contract.conformance import FIRST, Seen, Source, exercised, faults, lost, merged, table
from tests.contract.recording import CHECKED, Recorder
from tests.support.client import HttpAnswer

SCHEMA = {"type": "object", "required": ["data"], "properties": {"data": {"$ref": "#/components/schemas/Thing"}}}
THINGS = "GET /things/{id}"
DOCUMENT = {
    "components": {"schemas": {"Thing": {"type": "integer"}}},
    "paths": {
        "/things/{id}": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": SCHEMA}}}, "404": {}}},
            "delete": {"responses": {"204": {}}},
        }
    },
}


def a_source(*, is_contract=True, **reasons):
    return Source(DOCUMENT, is_contract=is_contract, **reasons)


def recorded(*answers):
    recorder = Recorder([a_source()])
    for method, status, text in answers:
        endpoint = SimpleNamespace(method=method, shown_path="/things/{id}", revised={})
        recorder.note(endpoint, HttpAnswer(status, {}, text))
    return recorder.seen


def seen_in(record):
    return {name: Seen(statuses) for name, statuses in record.items()}


def test_response_is_checked_against_the_schema_of_its_status():
    record = recorded(("GET", 200, '{"data": 1}'), ("GET", 404, ""), ("DELETE", 204, ""))
    assert record == {THINGS: {"200": [], "404": []}, "DELETE /things/{id}": {"204": []}}
    assert faults(a_source(), seen_in(record)) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("GET", 200, '{"data": "one"}'), "$.data: 'one' is not of type 'integer'"),
        (("GET", 200, "{}"), "$: 'data' is a required property"),
        (("DELETE", 204, "{}"), "a body, although none is documented"),
    ],
)
def test_response_that_does_not_fit_its_schema_is_a_fault(answer, said):
    record = recorded(("GET", 200, '{"data": 1}'), ("GET", 404, ""), ("DELETE", 204, ""), answer)
    (fault,) = faults(a_source(), seen_in(record))
    assert fault.endswith(f"does not fit: {said}")
    assert "differs" in table(a_source(), seen_in(record))


def test_unseen_status_is_a_fault_for_the_contract_only():
    seen = seen_in(recorded(("GET", 200, '{"data": 1}'), ("DELETE", 204, "")))
    assert faults(a_source(), seen) == [f"{THINGS}: 404 was not provoked"]
    assert faults(a_source(is_contract=False), seen) == []


def test_reason_excuses_an_unseen_status_until_it_is_seen():
    source = a_source(not_provoked={(THINGS, "404"): "never"})
    answers = [("GET", 200, '{"data": 1}'), ("DELETE", 204, "")]
    assert faults(source, seen_in(recorded(*answers))) == []
    assert f"| `{THINGS}` | 404 | never |" in table(source, seen_in(recorded(*answers)))
    later = seen_in(recorded(*answers, ("GET", 404, "")))
    assert faults(source, later) == [f"{THINGS}: the reason given for 404 no longer holds"]


def test_reason_excuses_differing_responses_until_they_fit():
    source = a_source(not_fitting={(THINGS, "200"): "meant so"})
    others = [("GET", 404, ""), ("DELETE", 204, "")]
    differing = seen_in(recorded(("GET", 200, "{}"), *others))
    assert faults(source, differing) == []
    assert f"| `{THINGS}` | 200 | meant so |" in table(source, differing)
    fitting = seen_in(recorded(("GET", 200, '{"data": 1}'), *others))
    assert faults(source, fitting) == [f"{THINGS}: the reason given for 200 no longer holds"]


def test_conformance_table_separates_documented_and_other_statuses():
    text = table(a_source(), seen_in(recorded(("GET", 200, '{"data": 1}'), ("GET", 401, "{}"), ("DELETE", 204, ""))))
    assert f"| `{THINGS}` | 200 ✓, 404 not provoked (401) |" in text
    assert "2 operations, 3 documented statuses: 2 exercised and fitting." in text


def test_records_of_several_processes_are_merged(tmp_path):
    for process, record in (("gw0", {THINGS: {"200": []}}), ("gw1", {THINGS: {"200": ["bad"], "404": []}})):
        (tmp_path / f"{process}.json").write_text(json.dumps(record), encoding="utf-8")
    assert merged(tmp_path) == {THINGS: Seen({"200": ["bad"], "404": []})}


def test_only_the_first_responses_of_very_many_are_checked():
    answers = [("GET", 200, '{"data": 1}')] * CHECKED + [("GET", 200, "{}")]
    assert recorded(*answers) == {THINGS: {"200": []}}


def test_status_that_is_no_longer_exercised_is_named():
    before = "| `GET /a` | 200 ✓, 404 not provoked (401, 503) |\n| `GET /b` | 200 differs |\n"
    after = "| `GET /a` | 200 ✓, 404 ✓ (401) |\n| `GET /b` | 200 ✓ |\n"
    assert exercised(before) == {("GET /a", "200"), ("GET /a", "401"), ("GET /a", "503"), ("GET /b", "200")}
    assert lost(before, after) == ["GET /a: 503 is no longer exercised"]


def test_null_of_a_field_that_may_be_hidden_fits():
    text = {"type": "string"}
    document = {
        "components": {"schemas": {"Thing": {"properties": {"api_token": text, "name": text}}}},
        "paths": DOCUMENT["paths"],
    }
    recorder = Recorder([Source(document, is_contract=True)])
    for name in ("api_token", "name"):
        recorder.note(
            SimpleNamespace(method="GET", shown_path="/things/{id}", revised={}),
            HttpAnswer(200, {}, json.dumps({"data": {name: None}})),
        )
    assert {error.partition(":")[0] for error in recorder.seen[THINGS]["200"]} == {"$.data.name"}


@pytest.mark.parametrize(
    ("status", "revision", "counted"),
    [
        (200, "", {FIRST}),
        (200, FIRST, {FIRST}),
        (200, "2026-08-19", {"2026-08-19"}),
        (404, "", {FIRST, "2026-08-19"}),
    ],
)
def test_success_of_a_differing_operation_counts_for_its_revision(status, revision, counted):
    recorder = Recorder([replace(a_source(), revision=each) for each in (FIRST, "2026-08-19")])
    endpoint = SimpleNamespace(method="GET", shown_path="/things/{id}", revised={FIRST: object()})
    recorder.note(endpoint, HttpAnswer(status, {}, '{"data": 1}'), revision)
    assert recorder.seen.keys() == {f"{each} {THINGS}" for each in counted}


def test_answer_of_an_operation_that_does_not_differ_counts_for_each_revision():
    recorder = Recorder([replace(a_source(), revision=each) for each in (FIRST, "2026-08-19")])
    recorder.note(SimpleNamespace(method="GET", shown_path="/things/{id}", revised={}), HttpAnswer(200, {}, "{}"))
    later = replace(a_source(), revision="2026-08-19")
    assert any("does not fit" in fault for fault in faults(later, seen_in(recorder.seen)))
    assert "differs" in table(later, seen_in(recorder.seen))
