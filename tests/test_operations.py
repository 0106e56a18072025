"""The entrance: who may, how much, what goes back, what is known; settings, keys, log, figures."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import run_python
from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from qa.assistant import Assistant
from qa.builds import current_name, put_in_use
from qa.config import ROOT, Settings
from qa.errors import AccessError, SettingsError
from qa.operations import keys
from qa.operations.check import check, effective
from qa.operations.entrance import ROUTES, Entrance, State, route_of
from qa.operations.flags import add_flags, flag_of, has_flag, settings_of
from qa.operations.keys import KeyRing, new_key, read_keys, write_keys
from qa.operations.limits import Busy, Gate, Rates, client_of, parse_rate
from qa.operations.logs import described, start_logging
from qa.web.chat import Chat, Step
from qa.web.front import Front
from qa.web.page import application

pytestmark = pytest.mark.usefixtures("loops")

SOMEWHERE = ("198.51.100.7", 50000)
HERE = ("127.0.0.1", 50000)
ANSWER = "/api/v1/answer"


go_on = threading.Event()


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says that it was reached; ``/broken`` breaks, what is slow waits until it may go on."""
    if scope["type"] == "lifespan":
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})
        return
    if scope["path"] == "/broken":
        raise RuntimeError("a question that nobody may read")
    body = b""
    more = True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    while b"slow" in body and not go_on.is_set():
        await asyncio.sleep(0.01)
    await JSONResponse({"bytes": len(body)})(scope, receive, send)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(api_keys=tmp_path / "keys.json", journal=tmp_path / "journal.sqlite")


Make = Callable[..., TestClient]


@pytest.fixture
def entrance(settings: Settings) -> Make:
    """Makes a client of an entrance before ``echo``."""

    def make(client: tuple[str, int] = SOMEWHERE, **changes: Any) -> TestClient:
        host = "localhost" if client == HERE else "policies.example"
        around = Entrance(echo, settings.model_copy(update=changes), lambda: State("b1", 5.0))
        return TestClient(
            around, base_url=f"http://{host}", client=client, raise_server_exceptions=False
        )

    return make


def add_key(settings: Settings, *scopes: keys.Scope, **more: Any) -> str:
    secret, kept = new_key("portal", scopes or (keys.Scope.ASK,), **more)
    write_keys(settings.api_keys, {**read_keys(settings.api_keys), kept.number: kept})
    return secret


# --- who may


def test_without_keys_the_api_is_open_to_this_machine_only(entrance: Make) -> None:
    assert entrance(HERE).post(ANSWER, json={}).status_code == 200
    away = entrance().post(ANSWER, json={})
    assert away.status_code == 401
    assert away.headers["content-type"] == "application/problem+json"
    assert "qa key add" in away.json()["detail"]
    for path in ("/v1/models", "/mcp", "/api/openapi.json", "/metrics"):
        assert entrance().get(path).status_code == 401, path


def test_a_proxy_on_this_machine_does_not_make_everybody_local(entrance: Make) -> None:
    via = {"x-forwarded-for": "198.51.100.7"}
    assert entrance(HERE).post(ANSWER, json={}, headers=via).status_code == 401


def test_a_page_of_another_site_cannot_use_the_open_api_of_this_machine(entrance: Make) -> None:
    reply = entrance(HERE).post(ANSWER, json={}, headers={"origin": "https://evil.example"})
    assert reply.status_code == 403
    rebound = entrance(HERE).post(ANSWER, json={}, headers={"host": "evil.example"})
    assert rebound.status_code == 401


def test_a_key_opens_the_api_from_anywhere_and_nothing_else_does(
    entrance: Make, settings: Settings
) -> None:
    key = add_key(settings)
    client = entrance()
    assert client.post(ANSWER, json={}).status_code == 401
    assert client.post(ANSWER, json={}, headers={"x-api-key": key}).status_code == 200
    bearer = {"authorization": f"Bearer {key}"}
    assert client.post(ANSWER, json={}, headers=bearer).status_code == 200
    for wrong in (key[:-1], f"{key}x", key.upper(), "", "qa__", "Bearer", "\ufffd", "x" * 5000):
        reply = client.post(ANSWER, json={}, headers={"x-api-key": wrong.encode()})
        assert reply.status_code == 401, wrong
    assert entrance(HERE).post(ANSWER, json={}).status_code == 401


def test_a_key_opens_what_it_is_for(entrance: Make, settings: Settings) -> None:
    asks, watches = add_key(settings), add_key(settings, keys.Scope.METRICS)
    client = entrance()
    assert client.get("/metrics", headers={"x-api-key": asks}).status_code == 403
    assert client.get("/metrics", headers={"x-api-key": watches}).status_code == 200
    assert client.post(ANSWER, json={}, headers={"x-api-key": watches}).status_code == 403


def test_a_chat_front_end_is_refused_in_its_own_form(entrance: Make) -> None:
    error = entrance().post("/v1/chat/completions", json={}).json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "local_only")


def test_chat_health_and_login_are_open(entrance: Make) -> None:
    for path in ("/", "/config", "/healthz", "/readyz", "/login", "/assets/index.js", "/faces"):
        assert entrance().get(path).status_code == 200, path


def test_a_removed_or_expired_key_opens_nothing(settings: Settings) -> None:
    first = add_key(settings, days=1)
    add_key(settings)
    ring = KeyRing(settings.api_keys)
    assert ring.find(first)
    kept = read_keys(settings.api_keys)
    number = first.split("_")[1]
    write_keys(settings.api_keys, {n: key for n, key in kept.items() if n != number})
    assert ring.find(first) is None
    assert ring.configured
    _, ended = new_key("past", (keys.Scope.ASK,))
    secret, ended = new_key("past", (keys.Scope.ASK,), days=1)
    from dataclasses import replace

    write_keys(settings.api_keys, {ended.number: replace(ended, expires=time.time() - 1)})
    assert ring.find(secret) is None


def test_the_file_of_keys_holds_no_key_and_is_the_owners_alone(settings: Settings) -> None:
    key = add_key(settings)
    assert key not in settings.api_keys.read_text()
    assert key.split("_", 2)[2] not in settings.api_keys.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(settings.api_keys.stat().st_mode) == 0o600


def test_a_file_of_keys_that_breaks_or_goes_away_neither_opens_nor_shuts(
    settings: Settings,
) -> None:
    key = add_key(settings)
    ring = KeyRing(settings.api_keys)
    settings.api_keys.write_text("{")
    assert ring.configured
    assert ring.find(key)
    settings.api_keys.unlink()
    assert ring.configured
    assert ring.find(key)
    settings.api_keys.write_text("{")
    with pytest.raises(AccessError, match="is not a file of API keys"):
        KeyRing(settings.api_keys)


def test_the_command_makes_lists_and_removes_keys(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    qa = ("-m", "qa", "key", "--file", str(file))
    made = run_python(*qa, "add", "portal", "--days", "30", "--rate", "5/second")
    assert made.returncode == 0, made.stderr
    ring = KeyRing(file)
    kept = ring.find(made.stdout.strip())
    assert kept
    assert (kept.name, kept.rate) == ("portal", "5/second")
    assert "portal" in run_python(*qa, "list").stdout
    assert run_python(*qa, "remove", "nobody").returncode == 1
    assert run_python(*qa, "remove", "portal").returncode == 0
    assert not ring.configured
    assert "5 lightyears" in run_python(*qa, "add", "x", "--rate", "5 lightyears").stderr


# --- how much


def test_a_client_that_asks_too_much_is_told_when_to_come_again(entrance: Make) -> None:
    client = entrance(rate_limit="2/minute")
    ask = {"event_data": {"id": 7, "language": "ko"}}
    path = "/gradio_api/run/predict"
    assert [client.post(path, json=ask).json().get("bytes") is None for _ in range(2)] == [
        False
    ] * 2
    limited = client.post(path, json=ask)
    (turn,) = limited.json()["data"]
    assert turn["id"] == 7
    assert turn["tag"] == "ko"
    assert "잠시 후" in turn["html"]["ko"]
    assert 1 <= int(limited.headers["retry-after"]) <= 120


def test_a_program_that_asks_too_much_gets_429(entrance: Make, settings: Settings) -> None:
    header = {"x-api-key": add_key(settings, rate="1/minute")}
    other = {"x-api-key": add_key(settings)}
    client = entrance()
    assert client.post(ANSWER, json={}, headers=header).status_code == 200
    refused = client.post(ANSWER, json={}, headers=header)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert client.post(ANSWER, json={}, headers=other).status_code == 200


def test_whoever_sits_at_this_machine_is_not_counted(entrance: Make) -> None:
    client = entrance(HERE, rate_limit="1/minute")
    assert {client.post(ANSWER, json={}).status_code for _ in range(5)} == {200}


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_customer_with_many_addresses_is_one_client(address: str, client: str) -> None:
    assert client_of(address) == client


def test_limits_that_nobody_can_read_are_named() -> None:
    assert parse_rate(" ") == []
    with pytest.raises(SettingsError, match="QA_RATE_LIMIT"):
        Rates("often").check()


def test_a_body_beyond_the_limit_is_refused_declared_or_not(entrance: Make) -> None:
    client = entrance(HERE, longest_request=1000)
    declared = client.post(ANSWER, content=b"x" * 1001)
    assert declared.status_code == 413
    assert client.post(ANSWER, content=b"x" * 1000).status_code == 200

    def parts() -> Iterator[bytes]:
        for _ in range(11):
            yield b"x" * 100

    assert client.post(ANSWER, content=parts()).status_code == 413


def test_more_questions_than_can_wait_are_turned_away(entrance: Make) -> None:
    replies: list[Any] = []
    go_on.clear()
    with entrance(HERE, concurrency=1, queue=1) as client:

        def ask() -> None:
            replies.append(client.post(ANSWER, json="slow"))

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        around: Any = client.app
        while around._gate.within + around._gate.waiting + len(replies) < 4:
            time.sleep(0.01)
        go_on.set()
        for thread in asking:
            thread.join()
    statuses = sorted(reply.status_code for reply in replies)
    assert statuses == [200, 200, 503, 503]
    busy = next(reply for reply in replies if reply.status_code == 503)
    assert busy.headers["retry-after"]
    assert busy.headers["content-type"] == "application/problem+json"


def test_a_place_is_given_back_whatever_happens_within() -> None:
    async def use() -> None:
        gate = Gate(1, 0)
        for _ in range(3):
            with pytest.raises(ValueError, match="broken"):
                async with gate.entered():
                    raise ValueError("broken")
        async with gate.entered():
            with pytest.raises(Busy):
                async with gate.entered():
                    pass
        assert (gate.within, gate.waiting) == (0, 0)

    asyncio.run(use())


# --- what goes back


def test_every_reply_protects_the_reader(entrance: Make) -> None:
    for path in ("/", ANSWER, "/nowhere", "/gradio_api/file=/etc/passwd", "/broken"):
        headers = entrance(HERE).get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors" in headers["content-security-policy"]
        assert re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])


def test_no_other_site_reads_a_reply_unless_it_is_named(entrance: Make, settings: Settings) -> None:
    key = {"x-api-key": add_key(settings)}
    portal = {"origin": "https://trade.example"}
    assert (
        "access-control-allow-origin"
        not in entrance().post(ANSWER, json={}, headers={**key, **portal}).headers
    )
    client = entrance(cors_origins="https://trade.example, https://b.example")
    allowed = client.post(ANSWER, json={}, headers={**key, **portal})
    assert allowed.headers["access-control-allow-origin"] == "https://trade.example"
    other = client.post(ANSWER, json={}, headers={**key, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    before = client.options(
        ANSWER, headers={**portal, "access-control-request-method": "POST",
                         "access-control-request-headers": "x-api-key"},
    )  # fmt: skip
    assert before.status_code == 200


def test_an_unforeseen_error_tells_nothing_and_is_logged_without_what_was_asked(
    entrance: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        start_logging("json", "info")
        reply = entrance(HERE).get("/broken")
    finally:
        root.handlers[:], root.level = handlers, level
        logging.getLogger("qa").setLevel(logging.NOTSET)
    assert reply.status_code == 500
    assert "nobody may read" not in reply.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failed, told = lines
    assert "nobody may read" not in json.dumps(lines)
    assert "RuntimeError" in failed["exc_info"]
    assert "test_operations.py" in failed["exc_info"]
    assert told["request"] == failed["request"] == reply.headers["x-request-id"]
    assert (told["status"], told["route"], told["level"]) == (500, "/other", "INFO")


def test_an_error_is_described_with_its_causes_and_without_their_words() -> None:
    try:
        try:
            int("secret")
        except ValueError as error:
            raise KeyError("secret") from error
    except KeyError as error:
        said = described(error)
    assert "secret" not in said
    assert said.index("KeyError") < said.index("ValueError")


# --- what is known


def test_health_readiness_and_the_end(settings: Settings) -> None:
    state = State()
    around = Entrance(echo, settings, lambda: state)
    client = TestClient(around, client=SOMEWHERE)
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").status_code == 503
    state = State("b1")
    assert client.get("/readyz").json() == {"status": "ready", "build": "b1"}
    around.end()
    assert client.get("/readyz").status_code == 503


def test_figures_tell_times_outcomes_refusals_and_the_index(
    entrance: Make, assistant: Assistant
) -> None:
    client = entrance(HERE)
    client.post(ANSWER, json={})
    client.post("/gradio_api/file=/etc/passwd")
    around: Any = client.app
    around.metrics.answer(assistant.ask("出口退税几天办结？"), "chat")
    page = client.get("/metrics").text
    assert 'qa_request_seconds_count{method="POST",route="/api/v1/answer",status="2xx"} 1.0' in page
    assert 'qa_answers_total{face="chat",language="zh",outcome="answered"} 1.0' in page
    assert 'qa_index_info{build="b1"} 1.0' in page
    assert "qa_journal_lost 0.0" in page


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/api/v1/clauses/policy%23三", "/api/v1/clauses"),
        ("/api/v1/answer", "/api/v1/answer"),
        ("/desk/gradio_api/component_server", "/desk/gradio_api/component_server"),
        ("/gradio_api/heartbeat/x1y2", "/gradio_api/heartbeat"),
        ("/assets/index-1234.js", "/assets"),
        ("/张三的电话是13800138000", "/other"),
        ("/insights", "/insights/"),
    ],
)
def test_routes_are_a_closed_list(path: str, route: str) -> None:
    assert route_of(path).rstrip("/") == route.rstrip("/")


@pytest.fixture(scope="module")
def program(assistant: Assistant, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The whole program, with all that can be turned on."""
    folder = tmp_path_factory.mktemp("program")
    return application(
        Chat(assistant),
        Settings(
            journal=folder / "journal.sqlite", kakao_secret="a secret", wechat_token="a token"
        ),
    )


@contextmanager
def entered(program: FastAPI, client: tuple[str, int], folder: Path) -> Iterator[TestClient]:
    """A client of the program as it is served: behind its front and its entrance."""
    front = Front(folder)
    front.hand_over(program, SimpleNamespace(build="b1", problem=None))
    host = "localhost" if client == HERE else "policies.example"
    settings = Settings(api_keys=folder / "keys.json")
    with TestClient(
        Entrance(front, settings), base_url=f"http://{host}", client=client
    ) as visiting:
        yield visiting


def addresses(app: FastAPI) -> set[str]:
    """The addresses of what is ours in the program: its own routes, and those of what is mounted."""
    found = set()
    for route in app.routes:
        if isinstance(route, Mount) and route.path and isinstance(route.app, FastAPI):
            found |= {f"{route.path}{path}" for path in route.app.openapi()["paths"]}
        elif isinstance(route, Route):
            found.add(route.path)
    return found


def test_every_route_has_a_name_and_every_name_a_route(program: FastAPI, tmp_path: Path) -> None:
    there_are = {address.split("/{")[0] or "/" for address in addresses(program)}
    assert len(there_are) > 15
    nameless = {each for each in there_are if route_of(each) in ("/other", "/assets")}
    assert nameless == set()
    with entered(program, HERE, tmp_path) as client:
        ours = {name for name in ROUTES - there_are if not name.startswith("/gradio_api/")}
        without = {name for name in ours if client.get(name).status_code == 404}
    assert without == set()


OPEN = frozenset(
    {"/", "/login", "/logout", "/faces", "/widget", "/widget.js", "/healthz", "/readyz",
     "/status/build", "/config", "/theme.css"}
)  # fmt: skip


def test_without_a_key_nobody_elsewhere_opens_anything_but_what_is_listed(
    program: FastAPI, tmp_path: Path
) -> None:
    listed = (ROOT / "docs" / "security.md").read_text("utf-8").partition("## Threats")[0]
    assert [path for path in OPEN if f"`{path}`" not in listed] == []
    closed = (addresses(program) | ROUTES) - OPEN
    paths = [re.sub(r"\{[^}]+\}", "x", each) for each in closed if not each.startswith("/gradio")]
    with entered(program, SOMEWHERE, tmp_path) as client:
        for method, path in product(("GET", "POST"), paths):
            reply = client.request(method, path, json={}, follow_redirects=False)
            refused = reply.status_code in (401, 403, 404, 405)
            to_the_guard = reply.headers.get("location", "").endswith(("/desk/", "/insights/"))
            assert refused or to_the_guard, (method, path, reply.status_code)


# --- settings


def test_each_setting_has_a_flag_and_no_secret_has() -> None:
    import argparse

    parser = argparse.ArgumentParser()
    add_flags(parser)
    text = parser.format_help()
    for name, information in Settings.model_fields.items():
        assert (f"{flag_of(name)} " in text or f"{flag_of(name)}," in text) is has_flag(information)
    assert "--secret " not in text
    assert "--store" not in text


def test_a_flag_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PORT", "8000")
    monkeypatch.setenv("QA_HOST", "localhost")
    settings = settings_of({"port": "9000", "command": "serve"})
    assert (settings.port, settings.host) == (9000, "localhost")
    with pytest.raises(SettingsError, match="--port is 'x'"):
        settings_of({"port": "x"})
    monkeypatch.setenv("QA_QUEUE", "-1")
    with pytest.raises(SettingsError, match="QA_QUEUE is '-1'"):
        settings_of({"port": "9000"})


def test_the_check_shows_origins_masks_secrets_and_explains(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QA_SECRET", "hunter2hunter2")
    monkeypatch.setenv("QA_STORE", "milvus+http://root:Milvus1@db:19530")
    settings = settings_of({
        "port": "0", "model": "no-such-model", "corpus": str(tmp_path / "none"),
        "index": str(tmp_path / "none-either"), "proxies": "*", "cors_origins": "trade.example",
        "rate_limit": "often",
    })  # fmt: skip
    shown = {each.name: each for each in effective(settings, {"port": "0"})}
    assert (shown["port"].origin, shown["secret"].origin) == ("--port", "QA_SECRET")
    assert (shown["host"].origin, shown["workers"].value) == ("default", "1")
    text = repr(shown)
    assert "hunter2" not in text
    assert "Milvus1" not in text
    grave = " ".join(remark.text for remark in check(settings) if remark.grave)
    for name in ("QA_CORPUS", "QA_MODEL", "QA_PROXIES", "QA_CORS_ORIGINS", "QA_RATE_LIMIT"):
        assert name in grave
    assert "hunter2" not in grave


def test_a_secret_comes_as_a_file_of_docker_or_systemd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "qa_secret").write_text("from-a-file-0123456789\n")
    monkeypatch.setenv("QA_SECRETS_DIR", str(tmp_path))
    secret = Settings.from_environment().secret
    assert secret
    assert secret.get_secret_value() == "from-a-file-0123456789"
    assert "from-a-file" not in repr(Settings.from_environment())


# --- conversations that no process keeps


def test_any_process_goes_on_with_a_conversation(assistant: Assistant) -> None:
    first, second = Chat(assistant), Chat(assistant)
    asked = Step("en", "How fast are export tax refunds completed?")
    turn, said = first.go_on((), asked)
    assert turn.answer
    _, still = first.go_on(said, Step("en", "thank you"))
    assert still == said
    follow_up = Step("en", "Which department is responsible?")
    there, _ = first.go_on(said, follow_up)
    elsewhere, _ = second.go_on(said, follow_up)
    assert there.html == elsewhere.html
    assert "Municipal Tax Bureau" in elsewhere.html["en"]
    alone, _ = second.go_on((), follow_up)
    assert "Municipal Tax Bureau" not in alone.html["en"]
    opened, _ = second.go_on((), Step("zh", clause=turn.answer.citations[0].clause.id))
    assert opened.answer


def test_what_is_kept_of_conversations_is_bounded(assistant: Assistant) -> None:
    chat = Chat(assistant)
    for number in range(600):
        chat.view.keep((Step("zh", str(number)),), None)
    assert len(chat.view._answers) == 512


def test_nothing_of_one_conversation_reaches_another(assistant: Assistant) -> None:
    client = TestClient(application(Chat(assistant)))
    event = next(
        d["id"] for d in client.get("/config").json()["dependencies"]
        if any(t[1] == "submit" for t in d["targets"])
    )  # fmt: skip

    def ask(session: str, question: str, said: list[Any]) -> dict[str, Any]:
        data = {"question": question, "language": "en", "id": 1, "said": said}
        body = {"data": [], "event_data": data, "fn_index": event, "session_hash": session}
        reply = client.post("/gradio_api/run/predict", json=body)
        assert reply.status_code == 200, reply.text
        turn: dict[str, Any] = reply.json()["data"][0]
        return turn

    first = ask("a", "How fast are export tax refunds completed?", [])
    other = ask("a", "Which department is responsible?", [])  # even under the same name
    assert "Municipal Tax Bureau" not in other["html"]["en"]
    own = ask("b", "Which department is responsible?", first["said"])
    assert "Municipal Tax Bureau" in own["html"]["en"]
    hostile: list[Any] = ["x", 5, [{"clause": 1}], [{"language": "zh", "question": "x" * 9999}]]
    for said in hostile:
        assert ask("c", "?", said)["html"]["en"]


# --- a program of its own


class Program:
    """``app.py`` in a process of its own."""

    def __init__(self, folder: Path, index: Path, model: Path, *arguments: str) -> None:
        self.errors = folder / "errors.txt"
        environment = os.environ | {
            "QA_JOURNAL": str(folder / "journal.sqlite"),
            "QA_API_KEYS": str(folder / "keys.json"),
            "PYTHONWARNINGS": "ignore",
        }
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--port", "0", "--index", str(index), "--model",
                 str(model), "--corpus", str(folder / "none"), *arguments],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        assert self.process.stdout
        self.address = self.process.stdout.readline().strip()
        assert self.address, self.errors.read_text()
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                self.get("/readyz")
                return
            except OSError:
                time.sleep(0.2)
        raise AssertionError(self.errors.read_text())

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=60) as reply:
            text: str = reply.read().decode()
            return text

    def ask(self, question: str) -> int:
        request = urllib.request.Request(
            f"{self.address}{ANSWER}",
            json.dumps({"question": question}).encode(),
            {"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        return code


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="several processes take POSIX")
def test_workers_share_an_address_and_an_index_and_follow_it(
    tmp_path: Path, shipped_index: Path
) -> None:
    import shutil

    from qa.config import DEFAULT_MODEL

    index = Path(shutil.copytree(shipped_index, tmp_path / "index"))
    program = Program(tmp_path, index, DEFAULT_MODEL, "--workers", "2", "--log-format", "json")
    try:
        statuses: list[int] = []
        ending = threading.Event()

        def keep_asking() -> None:
            while not ending.is_set():
                statuses.append(program.ask("出口退税多久办结？"))

        asking = threading.Thread(target=keep_asking)
        asking.start()
        for number in range(3):
            name = f"{number:016x}"
            shutil.copytree(index / current_name(index), index / name)
            put_in_use(index, name)
            time.sleep(2)
        ending.set()
        asking.join()
        assert set(statuses) == {200}
        assert "qa_request_seconds_count" in program.get("/metrics")
    finally:
        code = program.stop()
    assert code == 0, program.errors.read_text()


def taken(program: Program) -> int:
    """How many questions a program has in hand or behind it: what has only just connected when it
    is told to end is turned away."""
    page = program.get("/metrics")
    counted = (
        r'^(?:qa_request_seconds_count\{[^}]*route="/api/v1/answer"[^}]*\}|qa_waiting|qa_within) '
        r"([\d.]+)"
    )
    return int(sum(map(float, re.findall(counted, page, re.MULTILINE))))


@pytest.mark.slow
def test_what_is_under_way_is_finished_before_the_end(tmp_path: Path, shipped_index: Path) -> None:
    from qa.config import DEFAULT_MODEL

    program = Program(
        tmp_path, shipped_index, DEFAULT_MODEL, "--concurrency", "1", "--stop-seconds", "60"
    )
    statuses: list[int] = []
    asking = [
        threading.Thread(target=lambda: statuses.append(program.ask("出口退税多久办结？ " * 30)))
        for _ in range(40)
    ]
    for thread in asking:
        thread.start()
    until = time.monotonic() + 60
    while taken(program) < len(asking) and time.monotonic() < until:
        time.sleep(0.01)
    code = program.stop()
    for thread in asking:
        thread.join()
    assert code == 0, program.errors.read_text()
    assert statuses == [200] * len(asking)
    from qa.journal import Journal

    journal = Journal(tmp_path / "journal.sqlite")
    assert len(journal.entries()) == len(statuses)
    journal.close()


def test_under_a_path_of_a_proxy_pages_are_whole_and_stay_under_it(
    assistant: Assistant, settings: Settings
) -> None:
    around = Entrance(application(Chat(assistant), settings), settings)
    client = TestClient(
        around, base_url="http://localhost", client=HERE, root_path="/policies",
        follow_redirects=False,
    )  # fmt: skip
    page = client.get("/policies/")
    assert page.status_code == 200
    assert "--paper" in page.text  # our style
    assert "'self'" in page.headers["content-security-policy"]
    assert client.get("/policies/desk").headers["location"] == "/policies/desk/"
    assert client.get("/policies/gradio_api/file=/etc/passwd").status_code == 404
