"""The chat-completions interface, as the official client of that format finds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from serving import served

from qa.api.completions import MODEL
from qa.api.markdown import escaped, markdown
from qa.api.mount import mount_api
from qa.assistant import Assistant
from qa.messages import message
from qa.web.chat import Chat

openai = pytest.importorskip("openai", reason="the openai client is not installed")


@pytest.fixture(scope="module")
def address(assistant: Assistant) -> Iterator[str]:
    app = FastAPI()
    mount_api(app, Chat(assistant))
    with served(app) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as opened:
        yield opened


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


def test_the_one_model_is_listed(client: Any) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "qa"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-x")


def test_an_answer_is_the_quotation_with_its_source(client: Any, assistant: Assistant) -> None:
    question = "出口退税几天办结？"
    completion = client.chat.completions.create(model="any", messages=said(question))
    (choice,) = completion.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert "> 纳税记录良好的窑厂，自申报之日起3个工作日内办结出口退税。" in choice.message.content
    assert choice.message.content == markdown(assistant.ask(question), assistant.index)
    assert completion.usage.total_tokens == 0


def test_a_stream_gives_the_same_text(client: Any) -> None:
    messages = said("出口退税几天办结？")
    whole = client.chat.completions.create(model=MODEL, messages=messages)
    with client.chat.completions.create(
        model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert chunks[-1].usage.total_tokens == 0
    assert chunks[-1].choices == []
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:-1]] == ["stop"]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text.strip() == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_question_leans_on_the_ones_before(client: Any) -> None:
    messages = [
        {"role": "system", "content": "Answer as a pirate."},
        *said("出口退税几天办结？"),
        {"role": "assistant", "content": "…"},
        *said("哪个部门负责？"),
    ]
    completion = client.chat.completions.create(model=MODEL, messages=messages)
    assert "市税务局" in completion.choices[0].message.content


def test_a_message_may_come_in_parts(client: Any) -> None:
    parts = [
        {"type": "text", "text": "出口退税"},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "几天办结？"},
    ]
    messages = [{"role": "user", "content": parts}]
    completion = client.chat.completions.create(model=MODEL, messages=messages)
    assert "市税务局" in completion.choices[0].message.content


def test_the_answer_may_be_asked_for_in_a_language(client: Any) -> None:
    for how in ({"extra_body": {"language": "ko"}}, {"extra_headers": {"accept-language": "ko"}}):
        completion = client.chat.completions.create(
            model=MODEL, messages=said("出口退税几天办结？"), **how
        )
        assert message("ko", "departments") in completion.choices[0].message.content


def test_what_no_clause_answers_is_said(client: Any) -> None:
    completion = client.chat.completions.create(model=MODEL, messages=said("zebra crossing"))
    assert message("en", "outcome.no_clause") in completion.choices[0].message.content


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "hello"}]},
        {"messages": [*said("x"), {"role": "assistant", "content": "hello"}]},
        {"messages": said("x"), "n": 2},
        {"messages": "x"},
    ],
)
def test_errors_have_the_form_that_clients_know(client: Any, body: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body=body, cast_to=object)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.body["message"]


def test_unknown_paths_and_methods_are_errors_of_that_form(address: str) -> None:
    for method, path, status in (("GET", "none", 404), ("GET", "chat/completions", 405)):
        reply = httpx.request(method, f"{address}/v1/{path}")
        assert reply.status_code == status
        assert reply.json()["error"]["message"]


# --- Markdown

COMMONMARK = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def rendered(source: str) -> str:
    """The text of what is one paragraph of text, and nothing else."""
    opening, inline, closing = COMMONMARK.parse(source)
    assert (opening.type, closing.type) == ("paragraph_open", "paragraph_close")
    assert inline.children is not None
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    return "".join(child.content for child in inline.children)


HOSTILE = st.lists(
    st.sampled_from(
        [
            *"\\`*_{}[]()<>#+-.!|~&=:1a 政^$\"'\n\t",
            "<script>",
            "&amp;",
            "---",
            "1.",
            "](",
            "http://",
        ]
    ),
    max_size=12,
).map("".join)


@given(HOSTILE | st.text(max_size=40))
def test_words_of_a_policy_render_as_themselves(text: str) -> None:
    plain = " ".join(text.replace("\x00", "").split())
    if plain:
        assert rendered(escaped(text.replace("\x00", ""))) == plain


def test_an_answer_is_made_of_quotes_and_paragraphs(assistant: Assistant) -> None:
    answer = assistant.ask("新窑炉奖励十万元吗？")
    tokens = COMMONMARK.parse(markdown(answer, assistant.index))
    quoted = [
        tokens[place + 2].content
        for place, token in enumerate(tokens)
        if token.type == "blockquote_open"
    ]
    assert quoted == [quote.text for c in answer.citations for quote in c.quotes]
