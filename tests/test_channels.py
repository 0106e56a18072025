"""Messengers: KakaoTalk's skill requests and WeChat's messages, as the platforms document them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from qa.api.conversation import Given, Question, ask
from qa.assistant import Assistant
from qa.channels import kakao as kakao_module
from qa.channels import wechat as wechat_module
from qa.channels.cipher import MessageCipher, Rejected, is_signed, signature
from qa.channels.kakao import _is_callback, kakao, skill_response
from qa.channels.mount import mount_channels
from qa.channels.talk import cut, fitting
from qa.config import Settings
from qa.errors import SettingsError
from qa.messages import message
from qa.web.chat import Chat

RECORDED = Path(__file__).parent / "fixtures" / "channels"
SECRET = "kakao-secret"
TOKEN = "wechat-token"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP = "wx0123456789abcdef"
BEARER = {"authorization": f"Bearer {SECRET}"}


def application(source: Any, **settings: Any) -> FastAPI:
    app = FastAPI()
    secret = {"kakao_secret", "wechat_token", "wechat_key"}
    values = {name: SecretStr(v) if name in secret else v for name, v in settings.items()}
    mount_channels(app, source, Settings().model_copy(update=values))
    return app


@pytest.fixture
def client(assistant: Assistant) -> Iterator[TestClient]:
    app = application(Chat(assistant), kakao_secret=SECRET, wechat_token=TOKEN)
    with TestClient(app, base_url="http://test/channels") as opened:
        yield opened


class Slow:
    """A chat that takes its time."""

    journal = None

    def __init__(self, assistant: Assistant) -> None:
        self._assistant, self.go_on = assistant, threading.Event()
        self.asked = 0

    @property
    def assistant(self) -> Assistant:
        self.asked += 1
        self.go_on.wait(30)
        return self._assistant


def test_what_is_not_configured_is_not_there(assistant: Assistant) -> None:
    client = TestClient(application(Chat(assistant)))
    assert client.post("/channels/kakao", json={}).status_code == 404
    assert client.get("/channels/wechat").status_code == 404


# --- KakaoTalk


def skill(client: TestClient, recorded: str = "kakao_question", **changes: Any) -> dict[str, Any]:
    """The reply to a recorded request, of which parts of ``userRequest`` are changed."""
    body = json.loads((RECORDED / f"{recorded}.json").read_text(encoding="utf-8"))
    body["userRequest"] |= changes
    reply = client.post("kakao", json=body, headers=BEARER)
    assert reply.status_code == 200, reply.text
    response: dict[str, Any] = reply.json()
    assert response["version"] == "2.0"
    return response


def texts(response: dict[str, Any]) -> list[str]:
    return [output["simpleText"]["text"] for output in response["template"]["outputs"]]


def test_kakao_gets_the_clause_its_translation_and_the_departments(client: TestClient) -> None:
    (text,) = texts(skill(client, utterance="신규 가마 보조금은 얼마인가요? 电窑"))
    assert "「窑厂把柴窑改为电窑的，每座奖励十万元。」" in text
    assert message("ko", "departments") in text


def test_kakao_offers_clauses_to_choose_from_and_opens_the_one_that_is_pressed(
    client: TestClient,
) -> None:
    offered = skill(client, utterance="第三条")["template"]["quickReplies"]
    assert 1 < len(offered) <= 10
    for reply in offered:
        assert reply["action"] == "block"
        assert reply["blockId"] == "62654c249ac8ed78441532de"
        assert 0 < len(reply["label"]) <= 14
    body = json.loads((RECORDED / "kakao_question.json").read_text(encoding="utf-8"))
    body["userRequest"]["utterance"] = offered[1]["messageText"]
    body["action"]["clientExtra"] = offered[1]["extra"]
    opened = client.post("kakao", json=body, headers=BEARER).json()
    assert opened["template"]["outputs"][0]["simpleText"]["text"].startswith("■")
    leaning = skill(client, utterance="哪个部门负责？")
    assert "市卫生健康委" in texts(leaning)[0] or "海关" in texts(leaning)[0]


@pytest.fixture
def public(assistant: Assistant) -> Iterator[TestClient]:
    """The channels of a chat that has an address on the internet."""
    app = application(Chat(assistant), kakao_secret=SECRET, public_url="https://policy.example/p")
    with TestClient(app, base_url="http://test/channels") as opened:
        yield opened


def test_kakao_gets_a_card_with_a_button_that_opens_the_clause_in_the_chat(
    public: TestClient,
) -> None:
    (output,) = skill(public, utterance="신규 가마 보조금은 얼마인가요? 电窑")["template"][
        "outputs"
    ]
    card = output["textCard"]
    assert "「窑厂把柴窑改为电窑的，每座奖励十万元。」" in card["description"]
    assert len(card["description"]) <= 400
    (button,) = card["buttons"]
    assert (button["action"], len(button["label"]) <= 14) == ("webLink", True)
    address, _, fragment = button["webLinkUrl"].partition("#")
    assert address == "https://policy.example/p/?language=ko"
    opened = parse_qs(fragment)
    assert opened["q"] == ["신규 가마 보조금은 얼마인가요? 电窑"]
    assert "#" in opened["clause"][0]


def test_kakao_gets_what_no_card_holds_as_text_before_the_card(assistant: Assistant) -> None:
    given = Given(assistant.ask("出口退税几天办结？"), assistant)
    long = replace(given.answer.citations[0].quotes[0], text="长" * 600)
    citation = replace(given.answer.citations[0], quotes=(long,))
    many = Given(replace(given.answer, citations=(citation,) * 4), assistant)
    outputs = skill_response(many, public_url="https://policy.example")["template"]["outputs"]
    assert [[*output] for output in outputs] == [["simpleText"], ["simpleText"], ["textCard"]]
    assert 0 < len(outputs[-1]["textCard"]["description"]) <= 400


def test_kakao_gets_no_button_where_nothing_is_cited(public: TestClient) -> None:
    (output,) = skill(public, utterance="안녕하세요")["template"]["outputs"]
    assert [*output] == ["simpleText"]


def test_who_asks_too_much_in_a_messenger_is_told_so_and_nobody_else_is(
    assistant: Assistant,
) -> None:
    app = application(
        Chat(assistant), kakao_secret=SECRET, wechat_token=TOKEN, rate_limit="2/minute"
    )
    with TestClient(app, base_url="http://test/channels") as client:
        said = [texts(skill(client, user={"id": "one"}))[0] for _ in range(3)]
        assert [text == message("ko", "channel.too_many") for text in said] == [False, False, True]
        assert texts(skill(client, user={"id": "two"})) == said[:1]
        replies = [
            content(write(client, message_of("wechat_text", MsgId=str(number))))
            for number in (1, 1, 1, 2, 3)
        ]
        assert [reply == message("zh", "channel.too_many") for reply in replies] == [
            *(False, False, False, False, True)
        ]
        body = message_of("wechat_text", MsgId="9", FromUserName="<![CDATA[another]]>")
        assert content(write(client, body)) == replies[0]


def test_kakao_users_have_threads_of_their_own(client: TestClient) -> None:
    skill(client, utterance="出口退税几天办结？", user={"id": "one"})
    other = texts(skill(client, utterance="哪个部门负责？", user={"id": "two"}))[0]
    same = texts(skill(client, utterance="哪个部门负责？", user={"id": "one"}))[0]
    assert "市税务局" in same
    assert "市税务局" not in other


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", SECRET, "Bearer 비밀"])
def test_kakao_requests_without_the_secret_are_refused(
    client: TestClient, authorization: str
) -> None:
    body = json.loads((RECORDED / "kakao_question.json").read_text(encoding="utf-8"))
    headers = {"authorization": authorization.encode()} if authorization else {}
    assert client.post("kakao", json=body, headers=headers).status_code == 401


@pytest.mark.parametrize(
    "request_body",
    [
        {"userRequest": {}},
        {"userRequest": {"utterance": ""}},
        {"userRequest": {"utterance": "\ud800"}, "action": {"clientExtra": "null"}},
        {"userRequest": {"utterance": "a" * 200_000, "user": None, "block": None}},
        {"userRequest": {"utterance": "x", "callbackUrl": None}, "action": {"clientExtra": None}},
        {"userRequest": {"utterance": "x"}, "action": {"clientExtra": {"clause": ["y"]}}},
        {"userRequest": {"utterance": "x"}, "action": {"clientExtra": {"clause": "gone#一"}}},
    ],
)
def test_kakao_gets_a_reply_to_whatever_is_sent(
    client: TestClient, request_body: dict[str, Any]
) -> None:
    content = json.dumps(request_body).encode()
    headers = {**BEARER, "content-type": "application/json"}
    reply = client.post("kakao", content=content, headers=headers)
    assert reply.status_code == 200, reply.text
    assert all(0 < len(text) <= 1000 for text in texts(reply.json()))


def test_kakao_is_promised_what_takes_longer_and_gets_it_at_its_address(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kakao_module, "_SECONDS", 0.05)
    slow = Slow(assistant)
    delivered: list[tuple[str, dict[str, Any]]] = []

    async def deliver(address: str, reply: dict[str, Any]) -> None:
        delivered.append((address, reply))

    app = FastAPI()
    app.include_router(kakao(slow, SECRET, deliver), prefix="/channels")
    address = "https://bot-api.kakao.com/v1/callback/0123"
    with TestClient(app, base_url="http://test/channels") as client:
        promised = skill(client, "kakao_callback")
        assert promised["useCallback"] is True
        assert "template" not in promised
        slow.go_on.set()
        end = time.monotonic() + 10
        while not delivered and time.monotonic() < end:
            client.get("none")  # lets the loop run
    ((where, reply),) = delivered
    assert where == address
    assert "市税务局" in texts(reply)[0] or "税" in texts(reply)[0]


def test_kakao_is_told_to_ask_again_where_nothing_can_be_delivered(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kakao_module, "_SECONDS", 0.05)
    slow = Slow(assistant)
    app = application(slow, kakao_secret=SECRET)
    with TestClient(app, base_url="http://test/channels") as client:
        assert texts(skill(client)) == [message("ko", "channel.busy")]
        elsewhere = skill(client, callbackUrl="https://kakao.com.example/x")
        assert texts(elsewhere) == [message("ko", "channel.busy")]
        slow.go_on.set()


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("https://bot-api.kakao.com/v1/callback/1", True),
        ("http://bot-api.kakao.com/v1", False),
        ("https://kakao.com.evil.example/", False),
        ("https://evilkakao.com/", False),
        ("https://127.0.0.1/", False),
        ("https://user@evil.example#.kakao.com", False),
        ("https://bot-api.kakao.com:22/", False),
        ("https://[bad", False),
        ("", False),
    ],
)
def test_late_replies_go_to_the_platform_only(address: str, taken: bool) -> None:
    assert _is_callback(address) is taken


# --- WeChat


def signed(stamp: str = "1732440000", nonce: str = "n0nce", **more: str) -> dict[str, str]:
    return {"signature": signature(TOKEN, stamp, nonce), "timestamp": stamp, "nonce": nonce, **more}


def message_of(recorded: str, **changes: str) -> bytes:
    """A recorded message, of which the text of some elements is changed."""
    xml = (RECORDED / f"{recorded}.xml").read_text(encoding="utf-8")
    for tag, text in changes.items():
        xml = re.sub(f"<{tag}>.*</{tag}>", lambda _, t=tag, x=text: f"<{t}>{x}</{t}>", xml)
    return xml.encode()


def write(client: TestClient, body: bytes) -> Element:
    reply = client.post("wechat", params=signed(), content=body)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("application/xml")
    root: Element = fromstring(reply.text)
    return root


def content(root: Element) -> str:
    return root.findtext("Content") or ""


def test_wechat_verifies_the_address(client: TestClient) -> None:
    reply = client.get("wechat", params=signed(echostr="5927782489442352469"))
    assert reply.text == "5927782489442352469"
    assert reply.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("wrong", ["signature", "timestamp", "nonce"])
def test_wechat_requests_that_are_not_signed_are_refused(client: TestClient, wrong: str) -> None:
    for parameters in (signed() | {wrong: "0"}, {k: v for k, v in signed().items() if k != wrong}):
        assert client.get("wechat", params=parameters).status_code == 403
        body = message_of("wechat_text")
        assert client.post("wechat", params=parameters, content=body).status_code == 403


def test_wechat_gets_the_clause_from_the_account_to_the_person(client: TestClient) -> None:
    root = write(client, message_of("wechat_text"))
    assert root.findtext("ToUserName") == "oPerson_0123456789"
    assert root.findtext("FromUserName") == "gh_0123456789ab"
    assert root.findtext("MsgType") == "text"
    assert abs(int(root.findtext("CreateTime") or 0) - time.time()) < 60
    assert "「纳税记录良好的窑厂，自申报之日起3个工作日内办结出口退税。」" in content(root)
    assert "市税务局" in content(root)


def test_wechat_choices_are_opened_by_their_number(client: TestClient) -> None:
    offered = content(write(client, message_of("wechat_text", Content="第三条", MsgId="2")))
    assert "1. " in offered and "2. " in offered
    assert offered.endswith(message("zh", "channel.choose"))
    opened = content(write(client, message_of("wechat_text", Content=" 2.", MsgId="3")))
    assert opened.startswith("■")


def test_wechat_conversations_lean_on_what_was_said(client: TestClient) -> None:
    write(client, message_of("wechat_text", MsgId="10"))
    leaning = write(client, message_of("wechat_text", Content="哪个部门负责？", MsgId="11"))
    assert "市税务局" in content(leaning)


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        ("wechat_subscribe", message("zh", "reply.greeting")),
        ("wechat_image", message("zh", "channel.text_only")),
    ],
)
def test_wechat_gets_fixed_words_where_nothing_is_asked(
    client: TestClient, recorded: str, text: str
) -> None:
    assert content(write(client, message_of(recorded))) == text


def test_wechat_voice_is_read_where_the_platform_has_recognised_it(client: TestClient) -> None:
    assert "市税务局" in content(write(client, message_of("wechat_voice")))


def test_wechat_events_without_a_reply_are_acknowledged(client: TestClient) -> None:
    body = message_of("wechat_subscribe", Event="<![CDATA[unsubscribe]]>")
    assert client.post("wechat", params=signed(), content=body).text == "success"


def test_wechat_repetitions_of_a_message_get_the_one_answer(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wechat_module, "_OVER", 0.05)
    monkeypatch.setattr(wechat_module, "_SECONDS", 0.05)
    slow = Slow(assistant)
    app = application(slow, wechat_token=TOKEN)
    with TestClient(app, base_url="http://test/channels") as client:
        body = message_of("wechat_text")
        for _ in range(2):  # the platform's five seconds pass
            assert client.post("wechat", params=signed(), content=body).text == "success"
        assert content(write(client, body)) == message("zh", "channel.busy")
        slow.go_on.set()
        monkeypatch.setattr(wechat_module, "_SECONDS", 10)
        assert "市税务局" in content(write(client, body))
    assert slow.asked == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"<xml>", 400),
        (b"\xff", 400),
        (b'<?xml version="1.0" encoding="x-none"?><xml/>', 400),
        (b'<!DOCTYPE xml [<!ENTITY a "b">]><xml><Content>&a;</Content></xml>', 400),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>', 400),
        (b"<xml>" + b" " * 300_000 + b"</xml>", 413),
        (b"<xml/>", 200),
        (b"<xml><MsgType>text</MsgType><Content>]]&gt;</Content></xml>", 200),
    ],
)
def test_wechat_bodies_that_are_no_messages_are_refused(
    client: TestClient, body: bytes, status: int
) -> None:
    assert client.post("wechat", params=signed(), content=body).status_code == status


def test_wechat_replies_stay_xml_whatever_they_say() -> None:
    for text in ("]]>", "\x00\ud800<b>&", "a]]>b]]>", "😀"):
        written = wechat_module._written({"FromUserName": "]]><x>"}, text)
        assert content(fromstring(written)) == re.sub("[\x00\ud800]", "", text)


@pytest.fixture
def sealed(assistant: Assistant) -> Iterator[TestClient]:
    app = application(Chat(assistant), wechat_token=TOKEN, wechat_key=KEY, wechat_app=APP)
    with TestClient(app, base_url="http://test/channels") as opened:
        yield opened


def encrypted(body: bytes, app: str = APP) -> tuple[bytes, dict[str, str]]:
    hidden = MessageCipher(KEY, app).encrypt(body)
    parameters = signed(encrypt_type="aes")
    parameters["msg_signature"] = signature(
        TOKEN, parameters["timestamp"], parameters["nonce"], hidden
    )
    xml = f"<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[{hidden}]]></Encrypt></xml>"
    return xml.encode(), parameters


def test_wechat_encrypted_messages_get_encrypted_and_signed_replies(sealed: TestClient) -> None:
    body, parameters = encrypted(message_of("wechat_text"))
    root = fromstring(sealed.post("wechat", params=parameters, content=body).text)
    hidden, stamp, nonce, given = (
        root.findtext(tag) or "" for tag in ("Encrypt", "TimeStamp", "Nonce", "MsgSignature")
    )
    assert is_signed(given, TOKEN, stamp, nonce, hidden)
    inner = fromstring(MessageCipher(KEY, APP).decrypt(hidden))
    assert "市税务局" in content(inner)


def test_wechat_messages_in_clear_are_refused_where_there_is_a_key(sealed: TestClient) -> None:
    body = message_of("wechat_text")
    assert sealed.post("wechat", params=signed(), content=body).status_code == 403
    assert sealed.post("wechat", params=signed(encrypt_type="aes"), content=body).status_code == 403


def test_wechat_messages_sealed_for_another_account_or_altered_are_refused(
    sealed: TestClient,
) -> None:
    body, parameters = encrypted(message_of("wechat_text"), "wxffffffffffffffff")
    assert sealed.post("wechat", params=parameters, content=body).status_code == 403
    body, parameters = encrypted(message_of("wechat_text"))
    altered = parameters | {"msg_signature": "0" * 40}
    assert sealed.post("wechat", params=altered, content=body).status_code == 403


def test_the_cipher_is_that_of_the_platform() -> None:
    """The values that libraries for the platform are tested with."""
    token, stamp, nonce = "123456", "1411443780", "437374425"
    echo = (
        "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
    )
    assert signature(token, stamp, nonce, echo) == "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"
    cipher = MessageCipher("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR", "wx49f0ab532d5d035a")
    assert cipher.decrypt(echo) == b"5927782489442352469"


@given(st.binary(max_size=200))
def test_what_is_encrypted_is_decrypted_to_itself(text: bytes) -> None:
    cipher = MessageCipher(KEY, APP)
    assert cipher.decrypt(cipher.encrypt(text)) == text


@given(st.text(max_size=200))
def test_what_was_not_encrypted_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        MessageCipher(KEY, APP).decrypt(text)


@pytest.mark.parametrize(
    "settings",
    [
        {"wechat_key": KEY},
        {"wechat_key": "short", "wechat_app": APP},
        {"wechat_key": "*" * 43, "wechat_app": APP},
    ],
)
def test_a_wrong_setting_is_told_at_the_start(
    assistant: Assistant, settings: dict[str, str]
) -> None:
    with pytest.raises(SettingsError):
        application(Chat(assistant), wechat_token=TOKEN, **settings)


# --- answers that fit


@pytest.mark.parametrize(
    "question", ["出口退税几天办结？", "市商务局负责什么？", "电窑 ceramics", "第三条"]
)
@pytest.mark.parametrize("language", ["zh", "en", "ko"])
def test_an_answer_fits_whatever_fits(assistant: Assistant, question: str, language: Any) -> None:
    answer = ask(assistant, Question(question, language=language))
    whole = fitting(answer, assistant.index, 10**6)
    for most in range(20, len(whole) + 10, 7):
        text = fitting(answer, assistant.index, most)
        assert 0 < len(text) <= most
        assert most < len(whole) or text == whole


def test_what_does_not_fit_keeps_departments_and_source_and_says_so(assistant: Assistant) -> None:
    answer = ask(assistant, Question("出口退税几天办结？资料不全怎么办？", language="en"))
    whole = fitting(answer, assistant.index, 10**6)
    text = fitting(answer, assistant.index, len(whole) - 20)
    assert message("en", "channel.shortened") in text
    assert message("en", "departments") in text
    assert message("en", "source") in text


@given(st.text(max_size=100), st.integers(3, 300))
def test_a_text_is_cut_at_a_character(text: str, most: int) -> None:
    def size(each: str) -> int:
        return len(each.encode("utf-8", "surrogatepass"))

    short = cut(text, most, size)
    assert size(short) <= most
    assert short == text or text.startswith(short.removesuffix("…"))


def test_kakao_sends_a_clause_a_message_where_one_is_not_enough(assistant: Assistant) -> None:
    answer = ask(assistant, Question("市商务局负责什么？"))
    response = skill_response(Given(answer, assistant))
    assert 1 <= len(response["template"]["outputs"]) <= 3
