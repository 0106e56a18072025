"""The script that puts the chat into other pages, as it is served."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from qa.config import Settings
from qa.errors import SettingsError
from qa.messages import message
from qa.types import LANGUAGES
from qa.web.served import POLICY, policy
from qa.web.widget import add_widget, embedders


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    add_widget(app)
    return TestClient(app)


def allowed(origins: str) -> tuple[str, ...]:
    return embedders(Settings().model_copy(update={"embed_origins": origins}))


def test_the_script_holds_its_words_in_every_language(client: TestClient) -> None:
    reply = client.get("/widget.js")
    assert reply.headers["content-type"].startswith("text/javascript")
    assert "/*TEXTS*/" not in reply.text
    assert all(message(language, "widget.open") in reply.text for language in LANGUAGES)


def test_the_script_is_kept_by_browsers_and_pages_of_other_sites_may_load_it(
    client: TestClient,
) -> None:
    first = client.get("/widget.js")
    again = client.get("/widget.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age" in first.headers["cache-control"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_that_shows_how_is_in_the_language_of_the_reader(
    client: TestClient, language: str
) -> None:
    accepted = client.get("/widget", headers={"accept-language": language})
    chosen = client.get("/widget", params={"language": language})
    for reply in (accepted, chosen):
        assert message(language, "widget.title") in reply.text  # type: ignore[arg-type]
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]


def test_the_page_cannot_be_made_to_hold_markup(client: TestClient) -> None:
    evil = {"host": 'x"><script>alert(1)</script>'}
    assert "<script>alert" not in client.get("/widget", headers=evil).text


@pytest.mark.parametrize(
    "origins",
    [
        "https://portal.example",
        "https://*.gov.example, http://localhost:8080",
        "http://[::1]:*",
    ],
)
def test_sites_may_be_allowed_to_show_the_chat(origins: str) -> None:
    sites = [each.strip() for each in origins.split(",")]
    assert f"frame-ancestors 'self' {' '.join(sites)};" in policy(allowed(origins))


def test_no_site_may_unless_it_is_named() -> None:
    assert policy(allowed("")) == POLICY


@pytest.mark.parametrize(
    "origins",
    ["*", "portal.example", "https://a.example/path", "https://a.example; script-src *", "'none'"],
)
def test_what_is_no_origin_is_told_at_the_start(origins: str) -> None:
    with pytest.raises(SettingsError, match="QA_EMBED_ORIGINS"):
        allowed(origins)
