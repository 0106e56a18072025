"""The page: its zones in three languages, and the two events that Gradio carries to the chat.

``gr.I18n`` follows the browser's language only, so that the page holds its words in every
language and script.js shows those of the language switch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI

from qa.messages import message
from qa.types import LANGUAGES, Answer, Language
from qa.web.cards import TAGS, render
from qa.web.chat import Chat, Turn, failure
from qa.web.served import ServedPage

_HERE = Path(__file__).parent
_LISTED_DOCUMENTS = 20
_LISTED_CLAUSES = 200
"""Up to how many clauses of all documents the page lists them, to be opened."""

_SHORT: dict[Language, str] = {"zh": "中", "en": "EN", "ko": "한"}
"""The languages on a narrow screen."""

_TEXTS = ("name", "question", "placeholder", "send", "conversation", "searching", "you")


def application(chat: Chat) -> FastAPI:
    """The web application of a chat."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    style = (_HERE / "theme.css").read_text(encoding="utf-8")
    app.add_middleware(ServedPage, title=message("zh", "page.name"), style=style)
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        _blocks(chat),
        path="/",
        theme=gr.themes.Base(font="system-ui", font_mono="monospace"),  # no fonts to load
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
    )
    return mounted


def _blocks(chat: Chat) -> gr.Blocks:
    def examples(language: str) -> list[str]:
        return chat.examples(_language(language))

    blocks: gr.Blocks = gr.Blocks(title=message("zh", "page.name"), analytics_enabled=False)
    with blocks:
        previous = gr.State(None)
        page = gr.HTML(
            value=None,
            # A property, not the template itself: templates are compiled as code in the browser.
            html_template="${page}",
            page=render("page.html", "zh"),
            faces={language: _face(chat, language) for language in LANGUAGES},
            failure=failure("error.connection"),
            js_on_load=(_HERE / "script.js").read_text(encoding="utf-8"),
            server_functions=[examples],
            apply_default_css=False,
        )

        def ask(before: Answer | None, event: gr.EventData) -> tuple[dict[str, Any], Answer | None]:
            turn = chat.ask(str(event.question), before, _language(event.language))
            return _sent(turn, event.id), turn.answer

        def open_clause(
            before: Answer | None, event: gr.EventData
        ) -> tuple[dict[str, Any], Answer | None]:
            turn = chat.open(str(event.clause), _language(event.language), before)
            return _sent(turn, event.id), turn.answer

        def ask_anew(event: gr.EventData) -> tuple[dict[str, Any], Answer | None]:
            return ask(None, event)

        carried: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        for event in (
            page.submit(ask, [previous], [page, previous], **carried),
            page.input(ask_anew, None, [page, previous], **carried),
            page.select(open_clause, [previous], [page, previous], **carried),
        ):
            event.failure(None, js="() => { window.dispatchEvent(new Event('qa-failure')) }")
    return blocks


def _sent(turn: Turn, number: object) -> dict[str, Any]:
    """A turn as the script takes it; ``number`` is the script's own for the question."""
    return {"id": number, "tag": TAGS[turn.language], "html": turn.html}


def _language(value: object) -> Language:
    """What the page says is its language, which anybody can send."""
    return next((language for language in LANGUAGES if language == value), LANGUAGES[0])


def _face(chat: Chat, language: Language) -> dict[str, Any]:
    """The words of the page in a language: its zones as HTML, and the texts of attributes."""
    names = {each: message(each, "language_name") for each in LANGUAGES}
    index = chat.cards.index
    few = len(index.clauses) <= _LISTED_CLAUSES
    counts = {document.id: 0 for document in index.documents}
    for clause in index.clauses:
        counts[clause.document_id] += bool(clause.number)
    documents = [
        {
            "title": chat.cards.document_title(document.id, language),
            "clauses": counts[document.id],
            "outline": chat.cards.outline(document.id, language) if few else [],
        }
        for document in index.documents[:_LISTED_DOCUMENTS]
    ]
    left_out = len(index.documents) - len(documents)
    return {
        "tag": TAGS[language],
        "header": render("header.html", language, names=names, short=_SHORT),
        "welcome": render(
            "welcome.html",
            language,
            examples=chat.known_examples(language),
            documents=documents,
            left_out=left_out,
        ),
        "footer": message(language, "page.footer"),
        "texts": {key: message(language, f"page.{key}") for key in _TEXTS},
    }
