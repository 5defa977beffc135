"""The local front door, in front of a server that says what it got."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import web
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from infra.local.limits import FUNCTION_BYTES, REQUEST_BYTES, SOCKET_MESSAGE_BYTES
from infra.local.proxy import CONCURRENT_REQUESTS, Proxy

REST_PREFIX = "/restapis/rest/api/_user_request_"
SOCKET_PATH = "/_aws/execute-api/socket/api"


class Held:
    """A request that is held until it is let go; ``seen`` are the paths of those that came."""

    def __init__(self):
        self.seen = []
        self.let_go = threading.Event()


HELD = Held()


async def echo_request(request):
    body = await request.read()
    if "/held/" in request.path:
        HELD.seen.append(request.path.rpartition("/")[2])
        await asyncio.to_thread(HELD.let_go.wait, 10)
    if wanted := request.headers.get("x-wanted-bytes"):
        return web.Response(text="x" * int(wanted))
    seen = {
        "method": request.method,
        "path": request.raw_path,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "bytes": len(body),
    }
    return web.json_response(seen, status=int(request.headers.get("x-wanted-status", "200")), headers={"x-own": "1"})


async def echo_socket(request):
    if request.headers.get("Authorization") != "Bearer good":
        return web.Response(status=401)
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for frame in socket:
        if frame.data == "end":
            await socket.close()
        else:
            await socket.send_str(f"{request.headers['X-Forwarded-For']} {frame.data}")
    return socket


@pytest.fixture(scope="module")
def upstream():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    app = web.Application(client_max_size=2 * REQUEST_BYTES)
    app.router.add_get(SOCKET_PATH, echo_socket)
    app.router.add_route("*", "/{path:.*}", echo_request)
    runner = web.AppRunner(app, shutdown_timeout=1)

    async def serve():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    port = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    yield f"http://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def proxy(upstream):
    proxy = Proxy(0, upstream)
    proxy.point_to("rest", "socket")
    yield proxy
    proxy.stop()


def call(proxy, path, method="GET", body=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(proxy.url + path, method=method, data=body, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_proxy_forwards_path_and_query_unchanged(proxy):
    _, headers, body = call(proxy, "/api/v1/nodes?name=a%20b&x=%2Fy")

    assert json.loads(body)["path"] == f"{REST_PREFIX}/api/v1/nodes?name=a%20b&x=%2Fy"
    assert headers["x-own"] == "1"


def test_proxy_forwards_a_body_with_its_content_type(proxy):
    _, _, body = call(proxy, "/api/v1/commands", "POST", b"{}", Content_Type="application/json")
    seen = json.loads(body)

    assert (seen["method"], seen["bytes"], seen["headers"]["content-type"]) == ("POST", 2, "application/json")


def test_proxy_replaces_the_forwarded_address_of_the_caller(proxy):
    _, _, body = call(proxy, "/", X_Forwarded_For="203.0.113.7")

    assert json.loads(body)["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_proxy_returns_an_error_response_unchanged(proxy):
    status, _, body = call(proxy, "/", x_wanted_status="409")

    assert status == 409
    assert json.loads(body)["method"] == "GET"


def test_body_above_the_api_gateway_limit_is_an_enveloped_413(proxy):
    status, _, body = call(proxy, "/", "POST", b"x" * (REQUEST_BYTES + 1))

    assert status == 413
    assert json.loads(body)["error"]["code"] == "payload_too_large"


def test_body_above_the_lambda_event_limit_is_413(proxy):
    quotes = b'"' * (FUNCTION_BYTES // 2)  # two bytes each, inside of JSON

    assert call(proxy, "/", "POST", quotes)[0] == 413
    assert call(proxy, "/", "POST", quotes[:3_000_000])[0] == 200


def test_response_above_the_lambda_limit_is_502(proxy):
    status, _, body = call(proxy, "/", x_wanted_bytes=str(FUNCTION_BYTES + 1))

    assert (status, json.loads(body)["error"]["code"]) == (502, "internal_server_error")
    assert call(proxy, "/", x_wanted_bytes="6000000")[0] == 200


def test_websocket_message_above_the_limit_closes_the_socket(proxy):
    with connect(proxy.websocket_url, additional_headers={"Authorization": "Bearer good"}) as socket:
        socket.send("x" * (SOCKET_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)

    assert closed.value.rcvd.code == 1009


def test_request_of_a_caller_who_left_before_its_turn_is_dropped(proxy):
    """Otherwise a busy cloud works for nobody, and falls ever further behind."""
    names = [f"first-{number}" for number in range(CONCURRENT_REQUESTS)]
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        first = [pool.submit(call, proxy, f"/held/{name}") for name in names]
        while len(HELD.seen) < CONCURRENT_REQUESTS:
            threading.Event().wait(0.01)
        with pytest.raises(TimeoutError), urllib.request.urlopen(f"{proxy.url}/held/gone", timeout=0.2):
            pass
        HELD.let_go.set()
        assert {each.result()[0] for each in first} == {200}

    assert call(proxy, "/held/last")[0] == 200
    assert sorted(HELD.seen) == [*names, "last"]


def test_proxy_before_a_deployment_answers_503(upstream):
    proxy = Proxy(0, upstream)
    try:
        status, _, body = call(proxy, "/healthz")
    finally:
        proxy.stop()

    assert status == 503
    assert json.loads(body)["error"]["code"] == "service_unavailable"


def test_proxy_forwards_socket_frames_and_the_close_both_ways(proxy):
    with connect(proxy.websocket_url, additional_headers={"Authorization": "Bearer good"}) as socket:
        socket.send("hello")
        assert socket.recv(timeout=10) == "127.0.0.1 hello"
        socket.send("end")
        assert list(socket) == []


def test_refused_socket_handshake_is_returned_to_the_agent(proxy):
    with pytest.raises(InvalidStatus) as refused, connect(proxy.websocket_url):
        pass

    assert refused.value.response.status_code == 401


def test_proxy_on_a_port_in_use_is_an_error(proxy, upstream):
    with pytest.raises(OSError, match=str(proxy.port)):
        Proxy(proxy.port, upstream)


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/toys", "toys"),
        ("/toys/7?colour=red", "toys"),
        ("/toys/a%2Fb", "toys"),
        ("/toys/7/parts", "rest"),
        ("/games/chess?x=1", "toys"),
        ("/games", "toys"),
        ("/gamesters", "rest"),
        ("/healthz", "rest"),
        ("/nowhere", "rest"),
    ],
)
def test_proxy_chooses_the_api_by_route_and_the_first_for_the_rest(upstream, path, api):
    several = Proxy(0, upstream)
    try:
        several.point_to("rest", "socket", ["/", "/healthz", "/api/v1/nodes/{node_id}", "/{proxy+}"])
        several.add("toys", ["/toys", "/toys/{toy}", "/healthz", "/{proxy+}"], ["/games"])
        _, _, body = call(several, path)
    finally:
        several.stop()

    assert json.loads(body)["path"] == f"/restapis/{api}/api/_user_request_{path}"
