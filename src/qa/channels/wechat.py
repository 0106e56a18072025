"""WeChat: the replies of an official account (公众号) to what people write to it.

Every request is signed with the account's token; where an EncodingAESKey is configured, messages
in clear are refused. The platform waits five seconds for a reply and asks twice more, with the same
MsgId: all three get the one answer.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Passive_user_reply_message.html
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias
from xml.etree.ElementTree import ParseError

from cachetools import TTLCache
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import PlainTextResponse, Response

from qa.api.conversation import Source
from qa.api.problems import Refused
from qa.channels.cipher import MessageCipher, Rejected, is_signed, signature
from qa.channels.talk import AskedTooMuch, Conversations, fitting
from qa.messages import message
from qa.operations.limits import Rates
from qa.types import Language

PATH = "/wechat"
_TEXT = 2047
"""Bytes of a reply's text: the platform refuses 2048 and more."""

_ATTEMPTS = 3
_SECONDS = 4.5
"""For which the last attempt waits; the ones before may run into the platform's five, which makes
it ask again."""

_OVER = 6.0
_REPEATED_SECONDS = 60
_LARGEST_BODY = 200_000
_NOTHING = "success"
"""What the platform takes for a reply of no words."""

_LANGUAGE: Language = "zh"
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Message: TypeAlias = dict[str, str]


@dataclass(slots=True)
class _Reply:
    """The reply to one message, and how often the platform has asked for it."""

    text: asyncio.Task[str]
    attempts: int = field(default=0)


class _Signed:
    """The parameters with which the platform signs a request."""

    def __init__(
        self,
        signature: str = Query("", max_length=200),
        timestamp: str = Query("", max_length=50),
        nonce: str = Query("", max_length=200),
        msg_signature: str = Query("", max_length=200),
        encrypt_type: str = Query("", max_length=20),
    ) -> None:
        self.signature, self.timestamp, self.nonce = signature, timestamp, nonce
        self.of_message, self.encrypted = msg_signature, encrypt_type == "aes"


_Signature = Annotated[_Signed, Depends()]


def wechat(
    source: Source,
    token: str,
    cipher: MessageCipher | None = None,
    rates: Rates | None = None,
) -> APIRouter:
    """The server of an official account.

    Args:
        token: with which requests are signed.
        cipher: of encrypted messages; without it they come in clear.
        rates: how much one person may ask.
    """
    router = APIRouter()
    conversations = Conversations(source, "wechat", rates)
    replies: TTLCache[str, _Reply] = TTLCache(10_000, _REPEATED_SECONDS)

    def check(signed: _Signed) -> None:
        if not is_signed(signed.signature, token, signed.timestamp, signed.nonce):
            raise Refused(403, "signature")

    @router.get(PATH)
    async def verify(signed: _Signature, echostr: str = Query("", max_length=1000)) -> Response:
        check(signed)
        return PlainTextResponse(echostr)

    @router.post(PATH)
    async def receive(request: Request, signed: _Signature) -> Response:
        check(signed)
        body = await request.body()
        said = _opened(body, signed, token, cipher)
        reply = replies.get(_number(said))
        if reply is None:
            answering = asyncio.create_task(asyncio.to_thread(_answer, conversations, said))
            reply = replies[_number(said)] = _Reply(answering)
        reply.attempts += 1
        last = reply.attempts >= _ATTEMPTS
        try:
            text = await asyncio.wait_for(asyncio.shield(reply.text), _SECONDS if last else _OVER)
        except TimeoutError:
            text = message(_LANGUAGE, "channel.busy") if last else ""
        if not text:
            return PlainTextResponse(_NOTHING)
        written = _written(said, text)
        return Response(
            _sealed(written, token, cipher) if cipher else written, media_type="application/xml"
        )

    return router


# --- messages


def _answer(conversations: Conversations, said: Message) -> str:
    """The text of the reply to a message; empty where none is due."""
    kind = said.get("MsgType", "")
    if kind == "event":
        greets = said.get("Event", "") == "subscribe"
        return message(_LANGUAGE, "reply.greeting") if greets else ""
    text = said.get("Content" if kind == "text" else "Recognition", "")
    if not text.strip():
        return message(_LANGUAGE, "channel.text_only")
    try:
        given = conversations.ask(said.get("FromUserName", ""), text)
    except AskedTooMuch:
        return message(_LANGUAGE, "channel.too_many")
    return fitting(given.answer, given.assistant.index, _TEXT, _bytes)


def _bytes(text: str) -> int:
    return len(text.encode())


def _number(said: Message) -> str:
    """What is the same in every attempt to deliver one message."""
    number = said.get("MsgId") or f"{said.get('CreateTime', '')} {said.get('Event', '')}"
    return f"{said.get('FromUserName', '')} {number}"


def _opened(body: bytes, signed: _Signed, token: str, cipher: MessageCipher | None) -> Message:
    """A message in clear.

    Raises:
        Refused: it is too large, no message, or not sealed as it has to be.
    """
    if len(body) > _LARGEST_BODY:
        raise Refused(413, "")
    if cipher is None:
        return _parsed(body)
    if not signed.encrypted:
        raise Refused(403, "signature")
    encrypted = _parsed(body).get("Encrypt", "")
    if not is_signed(signed.of_message, token, signed.timestamp, signed.nonce, encrypted):
        raise Refused(403, "signature")
    try:
        return _parsed(cipher.decrypt(encrypted))
    except Rejected as error:
        raise Refused(403, "signature") from error


def _parsed(body: bytes) -> Message:
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Refused(400, "xml") from error
    return {child.tag: child.text or "" for child in root}


def _written(said: Message, text: str) -> str:
    """A reply of text to a message."""
    fields = {
        "ToUserName": _data(said.get("FromUserName", "")),
        "FromUserName": _data(said.get("ToUserName", "")),
        "CreateTime": str(int(time.time())),
        "MsgType": _data("text"),
        "Content": _data(text),
    }
    return f"<xml>{''.join(f'<{tag}>{value}</{tag}>' for tag, value in fields.items())}</xml>"


def _sealed(written: str, token: str, cipher: MessageCipher) -> str:
    encrypted = cipher.encrypt(written.encode())
    stamp, nonce = str(int(time.time())), secrets.token_hex(8)
    signed = signature(token, stamp, nonce, encrypted)
    return (
        f"<xml><Encrypt>{_data(encrypted)}</Encrypt><MsgSignature>{_data(signed)}</MsgSignature>"
        f"<TimeStamp>{stamp}</TimeStamp><Nonce>{_data(nonce)}</Nonce></xml>"
    )


def _data(text: str) -> str:
    """Text as a CDATA section, which it cannot end."""
    clean = _UNPRINTABLE.sub("", text).replace("]]>", "]]]]><![CDATA[>")
    return f"<![CDATA[{clean}]]>"
