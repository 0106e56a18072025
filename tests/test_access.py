"""Who may open the desk and the insights page."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, run_python
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from qa.access import (
    COOKIE,
    SESSION_SECONDS,
    Access,
    Failures,
    Role,
    TooManyFailures,
    User,
    hasher,
    is_cross_site,
    is_local,
    read_users,
    safe_target,
    write_users,
)
from qa.config import Settings
from qa.errors import AccessError
from qa.messages import catalogue
from qa.types import LANGUAGES
from qa.web.login import guard, user_of

PASSWORD = "correct horse battery"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="session")
def hashed() -> str:
    return hasher().hash(PASSWORD)


@pytest.fixture
def users(tmp_path: Path, hashed: str) -> Path:
    path = tmp_path / "users.json"
    people = [
        User("li", (Role.DESK,), hashed),
        User("kim", (Role.OFFICE,), hashed),
        User("王", (Role.DESK, Role.OFFICE), hashed),
    ]
    write_users(path, {person.name: person for person in people})
    return path


def site(access: Access) -> FastAPI:
    """An application with something behind the guard and something before it."""
    app = FastAPI()
    guard(app, access)

    @app.get("/open")
    def public() -> str:
        return "open"

    @app.get("/desk/{rest:path}")
    @app.post("/desk/{rest:path}")
    @app.get("/insights/{rest:path}")
    def private(request: Request) -> str:
        user = user_of(request)
        return user.name if user else "nobody"

    return app


Visit = Callable[..., TestClient]


@pytest.fixture
def visit(users: Path) -> Iterator[Visit]:
    app = site(Access(users, "a secret of the tests"))

    def visit(address: str = "http://testserver") -> TestClient:
        return TestClient(app, base_url=address, follow_redirects=False)

    yield visit


def log_in(client: TestClient, name: str, password: str = PASSWORD, target: str = "") -> int:
    reply = client.post("/login", data={"name": name, "password": password, "next": target})
    return int(reply.status_code)


# --- with users


def test_a_page_leads_to_the_login_and_back(visit: Visit) -> None:
    client = visit()
    reply = client.get("/desk/?tab=2", headers=HTML)
    assert (reply.status_code, reply.headers["location"]) == (303, "/login?next=/desk/%3Ftab%3D2")
    form = client.get(reply.headers["location"])
    assert 'name="next" value="/desk/?tab=2"' in form.text
    wrong = client.post("/login", data={"name": "li", "password": "x", "next": "/desk/?tab=2"})
    assert 'name="next" value="/desk/?tab=2"' in wrong.text
    reply = client.post("/login", data={"name": "li", "password": PASSWORD, "next": "/desk/?tab=2"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/desk/?tab=2")
    assert client.get("/desk/").text == '"li"'


def test_a_script_gets_a_plain_refusal(visit: Visit) -> None:
    reply = visit().get("/insights/gradio_api/queue/data")
    assert (reply.status_code, reply.json()) == (401, {"detail": "open"})


def test_what_lies_before_the_guard_stays_open(visit: Visit) -> None:
    assert visit().get("/open").status_code == 200


def test_each_role_opens_its_own(visit: Visit) -> None:
    for name, expected in (("li", (200, 403)), ("kim", (403, 200)), ("王", (200, 200))):
        client = visit()
        assert log_in(client, name) == 303
        codes = tuple(client.get(path).status_code for path in ("/desk/x", "/insights/x"))
        assert codes == expected
        opened = {"/desk": expected[0] == 200, "/insights": expected[1] == 200}
        open_to_them = ["/", *(path for path, is_open in opened.items() if is_open)]
        assert client.get("/faces").json() == {"open": open_to_them, "user": name}


def test_who_has_no_right_to_a_page_is_told_so(visit: Visit) -> None:
    client = visit()
    log_in(client, "li")
    reply = client.get("/insights/", headers=HTML | {"accept-language": "en"})
    assert reply.status_code == 403
    assert "This page is not open to you" in reply.text


@pytest.mark.parametrize(("name", "password"), [("li", "7654321"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_look_the_same(
    visit: Visit, name: str, password: str
) -> None:
    client = visit()
    reply = client.post(
        "/login", data={"name": name, "password": password}, headers={"accept-language": "en"}
    )
    assert reply.status_code == 401
    assert "The name or the password is wrong." in reply.text
    assert COOKIE not in client.cookies
    assert password == "" or password not in reply.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visit: Visit) -> None:
    reply = visit().post("/login", data={"name": "li", "password": PASSWORD})
    cookie = reply.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    secure = visit("https://testserver").post("/login", data={"name": "li", "password": PASSWORD})
    assert "secure" in secure.headers["set-cookie"].lower()


def test_a_session_ends_with_the_logout_even_for_a_copied_cookie(visit: Visit) -> None:
    client = visit()
    log_in(client, "li")
    stolen = client.cookies[COOKIE]
    assert client.post("/logout").headers["location"] == "/login"
    assert client.get("/desk/").status_code == 401
    thief = visit()
    thief.cookies.set(COOKIE, stolen)
    assert thief.get("/desk/").status_code == 401


def test_a_changed_password_and_a_removed_user_end_their_sessions(
    visit: Visit, users: Path
) -> None:
    li, wang = visit(), visit()
    log_in(li, "li")
    log_in(wang, "王")
    people = read_users(users)
    people["li"] = User("li", (Role.DESK,), hasher().hash("another long password"))
    del people["王"]
    write_users(users, people)
    assert li.get("/desk/").status_code == 401
    assert wang.get("/desk/").status_code == 401


def test_a_file_of_users_that_breaks_keeps_those_known(visit: Visit, users: Path) -> None:
    client = visit()
    log_in(client, "li")
    users.write_text("{")
    assert client.get("/desk/").status_code == 200


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='";,\\')))
def test_no_made_up_cookie_opens_anything(token: str) -> None:
    access = _access()
    assert access.user(token) is None


_KEPT: list[Access] = []


def _access() -> Access:
    import tempfile

    if not _KEPT:
        path = Path(tempfile.mkdtemp()) / "users.json"
        write_users(path, {"li": User("li", (Role.DESK,), hasher().hash(PASSWORD))})
        _KEPT.append(Access(path, "one secret of the tests"))
    return _KEPT[0]


def test_a_cookie_signed_by_another_secret_opens_nothing(users: Path) -> None:
    token = Access(users, "first secret, long enough").log_in("li", PASSWORD, "")
    assert token
    assert Access(users, "first secret, long enough").user(token)
    assert Access(users, "other secret, long enough").user(token) is None


def test_a_log_out_holds_in_every_process_and_after_a_restart(users: Path) -> None:
    here = Access(users, "a secret of the tests")
    first, second = (here.log_in("li", PASSWORD, "") or "" for _ in range(2))
    assert here.user(first)
    script = (
        "import sys; from pathlib import Path; from qa.access import Access;"
        "Access(Path(sys.argv[1]), sys.argv[2]).log_out(sys.argv[3])"
    )
    done = run_python("-c", script, str(users), "a secret of the tests", first)
    assert done.returncode == 0, done.stderr
    for access in (here, Access(users, "a secret of the tests")):
        assert access.user(first) is None
        assert access.user(second)


def test_a_file_of_log_outs_that_cannot_be_used_neither_opens_nor_shuts(users: Path) -> None:
    users.with_name(f"{users.name}.ended").write_text("no database " * 500)
    access = Access(users, "a secret of the tests")
    first, second = (access.log_in("li", PASSWORD, "") or "" for _ in range(2))
    access.log_out(first)
    assert access.user(first) is None
    assert access.user(second)


def test_a_clock_that_is_set_back_brings_no_session_back(
    users: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = Access(users, "a secret of the tests")
    token, later = (access.log_in("li", PASSWORD, "") or "" for _ in range(2))
    access.log_out(token)
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 2 * SESSION_SECONDS)
    access.log_out(later)  # what is old is cleared away
    monkeypatch.setattr("time.time", lambda: now)
    assert Access(users, "a secret of the tests").user(token) is None


def test_a_session_does_not_last_for_ever(users: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(users, "a secret of the tests")
    token = access.log_in("li", PASSWORD, "")
    assert token
    assert access.user(token)
    monkeypatch.setattr("qa.access.SESSION_SECONDS", -1)
    assert access.user(token) is None


# --- without users


def test_without_users_the_pages_are_open_on_this_machine_only() -> None:
    app = site(Access(None))
    here = TestClient(app, client=("127.0.0.1", 5), base_url="http://127.0.0.1:7860")
    assert here.get("/desk/").text == '"nobody"'
    assert here.get("/faces").json() == {"open": ["/", "/desk", "/insights"], "user": ""}
    there = TestClient(app, client=("192.168.1.9", 5), base_url="http://192.168.1.2:7860")
    reply = there.get("/insights/", headers=HTML | {"accept-language": "ko"})
    assert reply.status_code == 403
    assert "이 페이지는 해당 컴퓨터에서만 열립니다" in reply.text
    assert there.get("/faces").json() == {"open": ["/"], "user": ""}
    assert there.get("/open").status_code == 200


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        ("127.0.0.1", {"host": "127.0.0.1:7860"}, True),
        ("127.0.0.1", {"host": "localhost"}, True),
        ("::1", {"host": "[::1]:7860"}, True),
        ("192.168.1.9", {"host": "127.0.0.1"}, False),
        ("127.0.0.1", {"host": "evil.example"}, False),  # DNS rebinding
        ("127.0.0.1", {"host": "127.0.0.1", "x-forwarded-for": "9.9.9.9"}, False),  # a proxy
        ("127.0.0.1", {"host": "127.0.0.1", "forwarded": "for=9.9.9.9"}, False),
        ("127.0.0.1", {"host": "127.evil.example"}, False),
        ("127.0.0.1", {}, False),
        ("127.0.0.1", {"host": "[::1"}, False),
        ("", {"host": "localhost"}, False),
    ],
)
def test_what_this_machine_is(client: str, headers: dict[str, str], local: bool) -> None:
    assert is_local(client, headers) is local


# --- other sites


@pytest.mark.parametrize(
    ("method", "headers", "cross"),
    [
        ("POST", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, False),
        ("POST", {"host": "a:1", "origin": "http://a:1"}, False),
        ("POST", {"host": "a:1", "origin": "http://b:1"}, True),
        ("POST", {"host": "a:1", "origin": "null"}, True),
        ("POST", {"host": "a:1"}, False),  # no browser
        ("GET", {"sec-fetch-site": "cross-site"}, False),
    ],
)
def test_what_another_site_causes(method: str, headers: dict[str, str], cross: bool) -> None:
    assert is_cross_site(method, "http", headers) is cross


def test_another_site_can_neither_act_nor_log_somebody_in(visit: Visit) -> None:
    client = visit()
    log_in(client, "li")
    evil = {"origin": "http://evil.example"}
    assert client.post("/desk/x", headers=evil).status_code == 403
    assert client.post("/logout", headers=evil).status_code == 403
    assert client.post("/login", data={"name": "li"}, headers=evil).status_code == 403
    assert client.post("/desk/x", headers={"origin": "http://testserver"}).status_code == 200


@pytest.mark.parametrize(
    ("target", "result"),
    [
        ("/desk/?q=1#x", "/desk/?q=1#x"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\n/evil.example", "/"),
        ("desk", "/"),
        ("", "/"),
    ],
)
def test_the_login_leads_to_this_site_only(target: str, result: str) -> None:
    assert safe_target(target, "/") == result


@given(st.text())
def test_whatever_a_link_says_the_target_is_a_path(target: str) -> None:
    reached = safe_target(target, "/")
    assert reached.startswith("/")
    assert reached[1:2] not in ("/", "\\")


def test_the_page_quotes_what_it_is_sent(visit: Visit) -> None:
    client = visit()
    reply = client.post("/login", data={"name": '"><script>alert(1)</script>', "password": "x"})
    assert "<script>alert" not in reply.text
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy
    assert reply.headers["cache-control"] == "no-store"


# --- guessing


def test_wrong_passwords_are_slowed_down(visit: Visit) -> None:
    client = visit()
    codes = [log_in(client, "li", f"wrong {number}") for number in range(6)]
    assert codes == [401] * 5 + [429]
    assert log_in(client, "li") == 429  # even the right one has to wait
    assert log_in(client, "王") == 303  # nobody else
    reply = client.post("/login", data={"name": "li", "password": "x"})
    assert 0 < int(reply.headers["retry-after"]) <= 300


def test_failures_are_forgotten_in_time_and_by_the_right_password() -> None:
    now = 0.0
    failures = Failures(lambda: now)
    for _ in range(5):
        failures.check("a", "li")
        failures.add("a", "li")
    with pytest.raises(TooManyFailures):
        failures.check("a", "li")
    failures.check("b", "li")
    failures.forget("a", "li")
    failures.check("a", "li")
    for _ in range(5):
        failures.add("a", "li")
    now = 301.0
    failures.check("a", "li")


def test_one_client_that_tries_many_names_is_slowed_down() -> None:
    failures = Failures(lambda: 0.0)
    for number in range(20):
        failures.check("a", f"user {number}")
        failures.add("a", f"user {number}")
    with pytest.raises(TooManyFailures):
        failures.check("a", "another")
    failures.check("b", "another")


def test_what_is_remembered_of_failures_is_bounded() -> None:
    failures = Failures(lambda: 0.0)
    failures.MOST = 10
    for number in range(100):
        failures.add(f"client {number}", f"user {number}")
    assert len(failures._times) == 10


# --- the form


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_speaks_each_language(visit: Visit, language: str) -> None:
    texts = catalogue(language)  # type: ignore[arg-type]
    client = visit()
    by_browser = client.get("/login", headers={"accept-language": f"{language}-XX,fr;q=0.5"})
    client.cookies.set("qa-language", language)
    by_cookie = client.get("/login", headers={"accept-language": "fr"})
    chosen = visit().get("/login", params={"language": language, "next": "/desk/"})
    for page in (by_browser, by_cookie, chosen):
        assert texts["login.password"] in page.text
    assert f"qa-language={language}" in chosen.headers["set-cookie"]


# --- files and the command


def test_the_secret_is_made_once_and_kept_for_its_owner(users: Path) -> None:
    settings = Settings(users=users)
    token = Access.of(settings).log_in("li", PASSWORD, "")
    assert token
    assert Access.of(settings).user(token)
    secret = users.with_name("users.json.secret")
    assert secret.stat().st_mode & 0o077 == 0
    assert users.stat().st_mode & 0o077 == 0
    assert secret.read_text() not in repr(settings)


def test_a_secret_comes_from_the_environment_or_a_file_and_is_not_shown(
    users: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_USERS", str(users))
    monkeypatch.setenv("QA_SECRET", "a secret of the environment")
    settings = Settings.from_environment()
    token = Access.of(settings).log_in("li", PASSWORD, "")
    assert token
    assert Access(users, "a secret of the environment").user(token)
    assert "a secret of the environment" not in repr(settings) + str(settings)
    monkeypatch.delenv("QA_SECRET")
    file = tmp_path / "secret"
    monkeypatch.setenv("QA_SECRET_FILE", str(file))
    with pytest.raises(AccessError, match="holds no secret that can be read"):
        Access.of(Settings.from_environment())
    file.write_text("short")
    with pytest.raises(AccessError, match="too short") as error:
        Access.of(Settings.from_environment())
    assert "a secret that is short" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"users": [{"name": "li"}]}',
        '{"users": [{"name": "li", "roles": ["king"], "password": ""}]}',
    ],
)
def test_a_file_that_is_no_file_of_users_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(text)
    with pytest.raises(AccessError, match="is not a file of users"):
        Access(path, "a secret of the tests")


def qa_user(path: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "qa", "user", "--users", str(path), *arguments],
        input=typed, capture_output=True, encoding="utf-8", cwd=ROOT, timeout=60,
    )  # fmt: skip


def test_the_command_adds_lists_and_removes_users(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    done = qa_user(path, "add", "李", "--role", "desk", "--role", "office", typed=PASSWORD + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert PASSWORD not in done.stdout + path.read_text()
    assert json.loads(path.read_text())["users"][0]["password"].startswith("$argon2id$")
    assert Access(path, "a secret of the tests").log_in("李", PASSWORD, "")
    assert qa_user(path, "list").stdout == "李\tdesk, office\n"
    short = qa_user(path, "add", "金", "--role", "desk", typed="short\n")
    assert (short.returncode, "choose one of at least 10" in short.stderr) == (1, True)
    assert qa_user(path, "remove", "金").returncode == 1
    assert qa_user(path, "remove", "李").returncode == 0
    assert read_users(path) == {}
