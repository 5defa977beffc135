"""What the local cloud refuses as AWS does, since its emulator would take it."""

import json
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from infra.local.limits import (
    BUS_BYTES,
    QUEUE_BATCH_BYTES,
    SOCKET_FRAME_BYTES,
    batch_refusal,
    bus_refusal,
    refusal_of,
)
from infra.local.recorder import Recorder

TOO_LONG = "AWS.SimpleQueueService.BatchRequestTooLong"


def message(body, **attributes):
    return {
        "MessageBody": body,
        "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    }


def event(detail):
    return {"Source": "edge-admin", "DetailType": "edge.node.registered", "Detail": detail, "EventBusName": "events"}


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([message("x" * QUEUE_BATCH_BYTES)], None),
        ([message("x" * QUEUE_BATCH_BYTES, a="")], TOO_LONG),
        ([message("ä" * (QUEUE_BATCH_BYTES // 2)), message("x")], TOO_LONG),
        ([message("x")] * 10, None),
        ([message("x")] * 11, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
    ],
)
def test_sqs_batch_size_counts_message_attributes(entries, code):
    refused = batch_refusal(entries)

    assert (refused and refused.code) == code


@pytest.mark.parametrize(
    ("entries", "is_refused"),
    [
        ([event("x" * (BUS_BYTES - 30))], False),
        ([event("x" * BUS_BYTES)], True),
        ([event("x" * (BUS_BYTES // 2))] * 2, True),
        ([event("x")] * 10, False),
        ([event("x")] * 11, True),
    ],
)
def test_bus_batch_size_counts_all_events_together(entries, is_refused):
    assert (bus_refusal(entries) is not None) is is_refused


def test_socket_frame_above_32_kb_is_413():
    path = "/api/@connections/abc"

    assert refusal_of(path, "", b"x" * SOCKET_FRAME_BYTES) is None
    assert refusal_of(path, "", b"x" * (SOCKET_FRAME_BYTES + 1)).status == 413


class Taking(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_recorder_forwards_calls_within_aws_limits_and_refuses_others():
    server = HTTPServer(("127.0.0.1", 0), Taking)
    Thread(target=server.serve_forever, daemon=True).start()
    recorder = Recorder(f"http://127.0.0.1:{server.server_port}", ["relay_changes"])

    def send(text):
        body = json.dumps({"QueueUrl": "http://queues/events", "Entries": [message(text)]}).encode()
        headers = {"X-Amz-Target": "AmazonSQS.SendMessageBatch"}
        request = urllib.request.Request(recorder.url_of("relay_changes"), data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    try:
        assert send("x") == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            send("x" * (QUEUE_BATCH_BYTES + 1))
        assert json.loads(refused.value.read())["__type"] == TOO_LONG
        assert recorder.refused == [("relay_changes", TOO_LONG)]
    finally:
        recorder.stop()
        server.shutdown()
        server.server_close()
