"""KakaoTalk: a skill server of the chatbot builder, answers in the format 2.0.

A skill has five seconds. What takes longer is promised, and delivered to the address that came
with the request, where the bot has been allowed that (``useCallback``, valid for one minute).
Skill requests carry no signature: the builder sends the header that was entered with the skill,
``Authorization: Bearer <QA_KAKAO_SECRET>``.

https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/answer_json_format
https://kakaobusiness.gitbook.io/main/tool/chatbot/skill_guide/ai_chatbot_callback_guide
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field, field_validator

from qa.api.conversation import Given, Source
from qa.api.models import Text
from qa.api.problems import Refused
from qa.channels.talk import AskedTooMuch, Conversations, fitting, label
from qa.messages import message
from qa.operations.limits import Rates
from qa.types import Answer, Language, Outcome

PATH = "/kakao"
_SECONDS = 4.0
"""Of the five that a skill has; the rest is for the way."""

_CALLBACK_SECONDS = 50.0
_TEXT = 1000
_CARD = 400
_OUTPUTS = 3
_QUICK_REPLIES = 10
_LABEL = 14
_CALLBACK_HOST = ".kakao.com"
_LANGUAGE: Language = "ko"
_log = logging.getLogger(__name__)

Deliver = Callable[[str, dict[str, Any]], Awaitable[None]]


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _User(_Lenient):
    id: Text = ""


class _Block(_Lenient):
    id: Text = ""


class _UserRequest(_Lenient):
    utterance: Text = ""
    user: _User = Field(default_factory=_User)
    block: _Block = Field(default_factory=_Block)
    callback: Text = Field("", alias="callbackUrl")

    @field_validator("user", "block", "callback", mode="before")
    @classmethod
    def _left_out(cls, value: object, info: Any) -> object:
        return (
            cls.model_fields[info.field_name].get_default(call_default_factory=True)
            if value is None
            else value
        )


class _Action(_Lenient):
    extra: dict[str, Any] = Field(default_factory=dict, alias="clientExtra")

    @field_validator("extra", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return value if isinstance(value, dict) else {}  # the builder sends "null", too


class SkillPayload(_Lenient):
    """As much of a skill request as matters here."""

    user_request: _UserRequest = Field(alias="userRequest")
    action: _Action = Field(default_factory=_Action)


def kakao(
    source: Source,
    secret: str,
    deliver: Deliver | None = None,
    rates: Rates | None = None,
    public_url: str = "",
) -> APIRouter:
    """The skill server.

    Args:
        secret: what requests must carry.
        deliver: posts a late reply to an address.
        rates: how much one person may ask.
        public_url: where the chat is, to which answers then link.
    """
    router = APIRouter()
    conversations = Conversations(source, "kakao", rates)
    late: set[asyncio.Task[None]] = set()

    def check(authorization: str = Header("")) -> None:
        if not compare_digest(authorization.encode(), f"Bearer {secret}".encode()):
            raise Refused(401, "")

    @router.post(PATH, dependencies=[Depends(check)])
    async def skill(payload: SkillPayload) -> dict[str, Any]:
        asked = payload.user_request
        chosen = payload.action.extra.get("clause")
        answering = asyncio.create_task(
            asyncio.to_thread(
                conversations.ask,
                asked.user.id,
                asked.utterance,
                chosen if isinstance(chosen, str) else "",
            )
        )
        try:
            given = await asyncio.wait_for(asyncio.shield(answering), _SECONDS)
        except AskedTooMuch:
            return _text(message(_LANGUAGE, "channel.too_many"))
        except TimeoutError:
            if not _is_callback(asked.callback):
                return _text(message(_LANGUAGE, "channel.busy"))
            task = asyncio.create_task(_late(answering, asked, deliver or _post, public_url))
            late.add(task)
            task.add_done_callback(late.discard)
            waiting = {"text": message(_LANGUAGE, "channel.searching")}
            return {"version": "2.0", "useCallback": True, "data": waiting}
        return skill_response(given, asked.block.id, public_url)

    return router


def skill_response(given: Given, block: str = "", public_url: str = "") -> dict[str, Any]:
    """An answer as a skill's reply: a card with a button that opens it in the chat, where the chat has
    an address; what is too long for a card stands before it.

    Args:
        block: the block of the bot that asked, which a choice is to call again.
        public_url: where the chat is.
    """
    answer = given.answer
    if answer.outcome is Outcome.CLARIFY:
        lines = [f"· {label(choice, answer)}" for choice in answer.choices]
        text = "\n".join([message(answer.language, "outcome.clarify"), *lines])
        replies = [
            _quick_reply(choice.clause.id, label(choice, answer), block)
            for choice in answer.choices
        ]
        return _text(text[:_TEXT], quick_replies=replies[:_QUICK_REPLIES])
    if not public_url or not answer.citations:
        return _text(*_texts(answer, given, _OUTPUTS))
    link = _link(answer, public_url)
    (*before, last) = _texts(answer, given, _OUTPUTS - 1)
    if not before and len(last) <= _CARD:
        return _reply(_card(last, link))
    heading = label(answer.citations[0], answer)[:_CARD]
    return _reply(*map(_simple, (*before, last)), _card(heading, link))


def _link(answer: Answer, public_url: str) -> str:
    """Where the chat opens the clause that is cited first; behind #, which no server gets to see."""
    parts = {"clause": answer.citations[0].clause.id, "q": answer.question}
    return f"{public_url}/?language={answer.language}#{urlencode(parts)}"


def _texts(answer: Answer, given: Given, most: int) -> list[str]:
    """The answer in as many messages as it needs, at ``most`` so many: a clause each."""
    index = given.assistant.index
    whole = fitting(answer, index, _TEXT)
    if len(answer.citations) < 2 or not whole.endswith(
        message(answer.language, "channel.shortened")
    ):
        return [whole]
    return [
        fitting(
            replace(answer, citations=(citation,), numbers=answer.numbers if not place else ()),
            index,
            _TEXT,
        )
        for place, citation in enumerate(answer.citations[:most])
    ]


def _text(*texts: str, quick_replies: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return _reply(*map(_simple, texts), quick_replies=quick_replies)


def _reply(
    *outputs: dict[str, Any], quick_replies: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    template: dict[str, Any] = {"outputs": [*outputs]}
    if quick_replies:
        template["quickReplies"] = quick_replies
    return {"version": "2.0", "template": template}


def _simple(text: str) -> dict[str, Any]:
    return {"simpleText": {"text": text}}


def _card(text: str, link: str) -> dict[str, Any]:
    button = {
        "label": message(_LANGUAGE, "channel.open"),
        "action": "webLink",
        "webLinkUrl": link,
    }
    return {"textCard": {"description": text, "buttons": [button]}}


def _quick_reply(clause: str, name: str, block: str) -> dict[str, Any]:
    shown = name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}…"
    if not block:
        return {"label": shown, "action": "message", "messageText": name}
    return {
        "label": shown,
        "action": "block",
        "blockId": block,
        "messageText": name,
        "extra": {"clause": clause},
    }


# --- late


def _is_callback(address: str) -> bool:
    """Whether an address is one of the platform: anything may stand in a request."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and host.endswith(_CALLBACK_HOST) and port in (None, 443)


async def _late(
    answering: asyncio.Task[Given], asked: _UserRequest, deliver: Deliver, public_url: str
) -> None:
    try:
        given = await asyncio.wait_for(answering, _CALLBACK_SECONDS)
        reply = skill_response(given, asked.block.id, public_url)
    except Exception:
        _log.exception("a question could not be answered")
        reply = _text(message(_LANGUAGE, "channel.busy"))
    try:
        await deliver(asked.callback, reply)
    except Exception as error:
        _log.warning("KakaoTalk did not take a late reply: %s", type(error).__name__)


async def _post(address: str, reply: dict[str, Any]) -> None:
    import httpx

    async with httpx.AsyncClient(timeout=10) as client:
        (await client.post(address, json=reply)).raise_for_status()
