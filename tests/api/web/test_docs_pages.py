"""The pages for people: they load nothing from elsewhere, work behind a stage, and can be switched off."""

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from chalicelib.families import family
from chalicelib.fleet.api import API, documentation, health
from chalicelib.fleet.api.agent import bundle
from chalicelib.fleet.api.guide import TO_THE_FOLDER
from chalicelib.kit.errors import not_found
from chalicelib.web.docs.assets import FILES, asset
from chalicelib.web.openapi import document_of
from tests.support.client import Client, edge_services, settings

PAGES = ["/", "/swaggerui", "/redoc", "/asyncdoc"]
EVERYTHING = [
    *PAGES,
    "/api/asyncapi",
    f"/assets/scripts/{asset('swagger.js').name}",
    f"/assets/styles/{asset('pages.css').name}",
]
LAMBDA_ANSWER_BYTES = 6 * 1024 * 1024
"""The largest answer of a synchronous call (Lambda quotas)."""


def client(**values):
    return Client(
        [health.routes, documentation.routes, bundle.routes], edge_services(settings=settings(**values)), key=None
    )


class Seen(HTMLParser):
    """What a page refers to, and which of its ids exist; fails on a tag that is closed out of order."""

    VOID = frozenset({"meta", "link", "br", "input"})

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.ids, self.open, self.handlers = [], [], set(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if "href" in given:
            (self.links if tag == "a" else self.loads).append(given["href"])
        if "src" in given:
            self.loads.append(given["src"])
        self.ids.add(given.get("id"))
        self.handlers += [name for name in given if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("path", PAGES)
def test_docs_page_is_html_that_loads_only_local_files(path):
    answer = client().get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    seen = Seen(answer.text)
    assert seen.open == []
    assert seen.handlers == []
    assert [url for url in (*seen.links, *seen.loads) if urlsplit(url).netloc or urlsplit(url).path[:1] == "/"] == []
    assert [url for url in seen.loads if url != "data:," and not url.startswith("assets/")] == []
    assert answer.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_docs_page_links_resolve_also_behind_a_stage_prefix(path, prefix):
    caller = client()
    seen = Seen(caller.get(path).text)
    pages = set()
    for url in {*seen.links, *seen.loads} - {"data:,"}:
        found = urlsplit(urljoin(f"https://host.example{prefix}{path}", url))
        if found.fragment:
            assert found.fragment in seen.ids
        assert found.path.startswith(f"{prefix}/")
        pages.add(found.path.removeprefix(prefix))
    for page in pages:
        assert caller.get(page).status == 200, page


@pytest.mark.parametrize("path", PAGES)
def test_docs_page_content_security_policy_allows_only_what_it_needs(path):
    policy = dict(
        part.strip().split(" ", 1) for part in client().get(path).headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    digest = b64encode(hashlib.sha256(TO_THE_FOLDER.encode()).digest()).decode()
    scripts = {"/": f"'sha256-{digest}'", "/swaggerui": "'self'", "/redoc": "'self'"}
    assert policy.get("script-src") == scripts.get(path)
    assert "unsafe" not in str(policy)
    assert re.search("https?:", str(policy)) is None


def test_api_response_keeps_the_strict_content_security_policy():
    answer = client().get("/api/asyncapi")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
    assert answer.headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("path", EVERYTHING)
def test_docs_pages_disabled_by_settings_are_404_in_the_envelope(path):
    answer = client(api_docs_enabled=False).get(path)
    assert (answer.status, answer.error) == (404, {"code": "not_found", "message": not_found().message})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("file_name", FILES)
def test_asset_is_cacheable_for_ever_and_fits_a_response(file_name):
    folder, kind = ("scripts", "javascript") if file_name.endswith(".js") else ("styles", "css")
    found = asset(file_name)
    answer = client().get(f"/assets/{folder}/{found.name}")
    assert (answer.status, answer.headers["content-type"]) == (200, f"text/{kind}; charset=utf-8")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.text == FILES[file_name].read_text(encoding="utf-8")
    assert hashlib.sha256(answer.text.encode()).hexdigest()[:12] in found.name
    assert len(answer.text.encode()) < LAMBDA_ANSWER_BYTES // 2


@pytest.mark.parametrize(
    "path",
    [
        "/assets/scripts/swagger.js",
        "/assets/scripts/swagger.000000000000.js",
        f"/assets/scripts/{asset('pages.css').name}",
        f"/assets/styles/{asset('swagger.js').name}",
        "/assets/styles/guide.html",
    ],
)
def test_unknown_asset_is_404(path):
    assert client().get(path).status == 404


@pytest.mark.parametrize("name", ["LICENSE", "..%2Fguide.html", "%2e%2e", "a" * 81])
def test_malformed_asset_name_is_400(name):
    answer = client().get(f"/assets/styles/{name}")
    assert (answer.status, list(answer.error["details"])) == (400, ["asset_name"])


def test_swagger_page_calls_no_external_service():
    script = asset("swagger.js").text
    assert "validatorUrl: null" in script
    assert re.search(r"https?://", script) is None


def test_assets_include_their_licence():
    folder = FILES["swagger-ui-bundle.js"].parent
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert {file.name for file in folder.iterdir()} == {
        "LICENSE",
        "NOTICE",
        "swagger-ui-bundle.js",
        "swagger-ui-bundle.js.LICENSE.txt",
        "swagger-ui.css",
    }


def test_api_reference_shows_every_operation_with_its_fields():
    text = client().get("/redoc").text
    published = document_of(API)
    operations = [operation for methods in published["paths"].values() for operation in methods.values()]
    assert {operation["operationId"] for operation in operations} <= Seen(text).ids
    section = text[text.index('id="create_command"') :]
    section = section[: section.index("</details>")]
    for cell in ("<code>targeting.node_filters.version</code>", "<code>command_text</code>", "<code>data.id</code>"):
        assert cell in section
    assert "Bearer: <code>operatorKey</code>" in section
    assert "404 Not Found" not in section
    assert "422" in section


@pytest.mark.parametrize("path", PAGES)
def test_docs_page_has_a_main_part_a_skip_link_and_named_columns(path):
    text = client().get(path).text
    assert '<main id="content"' in text
    assert '<a class="skip" href="#content">' in text
    assert "<th></th>" not in text
    assert '<th scope="col"></th>' not in text
    assert re.findall(r"<pre(?! tabindex=\"0\")", text) == []


def test_api_reference_is_collapsed_and_shows_examples():
    text = client().get("/redoc").text
    assert text.count("<details ") == text.count("<summary><h3>")
    assert "<details open" not in text
    section = text[text.index('<details id="create_command"') :]
    section = section[: section.index("</details>")]
    assert "Example of a body" in section
    assert "Example of an answer" in section
    assert "Milliseconds" in section


def test_event_reference_shows_every_event_with_its_data():
    text = client().get("/asyncdoc").text
    assert set(family("fleet").event_types) <= Seen(text).ids
    section = text[text.index('id="edge.self_update_request.completed"') :]
    for cell in ("<code>summary.triggered</code>", "<code>targeting.type</code>", "<code>all</code>"):
        assert cell in section


def test_guide_page_shows_the_escaped_public_url():
    text = client(public_url="https://edge.example/api?<b>").get("/").text
    assert "EDGE=https://edge.example/api?&lt;b&gt;" in text
    assert "EDGE=https://where-this-page-is" in client().get("/").text
    assert '-H "Authorization: Bearer $KEY"' in text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_method_on_the_guide_page_is_405(method):
    answer = client().request(method, "/")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/", "/swaggerui", "/redoc", "/asyncdoc", "/api/asyncapi"])
def test_docs_page_answers_head_requests_and_etags(path):
    got = client().get(path)
    head = client().request("HEAD", path)
    assert (head.status, head.text, head.headers["etag"]) == (200, "", got.headers["etag"])
    assert client().get(path, headers={"If-None-Match": got.headers["etag"]}).status == 304
