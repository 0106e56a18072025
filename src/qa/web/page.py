"""The faces in the browser: their zones in three languages, and what Gradio carries to them.

``gr.I18n`` follows the browser's language only, so that a page holds its words in every language
and its script shows those of the language switch.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import RedirectResponse

from qa.access import Access
from qa.api.conversation import worked_out
from qa.api.mount import mount_api
from qa.channels.mount import mount_channels
from qa.config import Settings
from qa.journal import Journal, open_journal
from qa.messages import message
from qa.types import LANGUAGES, Language
from qa.web.cards import TAGS, render
from qa.web.chat import Chat, Step, Turn, failure
from qa.web.late import Late, add_late
from qa.web.library import gr
from qa.web.login import guard, user_of
from qa.web.served import ServedPage
from qa.web.widget import add_widget, embedders

_HERE = Path(__file__).parent
_LISTED_DOCUMENTS = 20
_LISTED_CLAUSES = 200
"""Up to how many clauses of all documents the page lists them, to be opened."""

_SHORT: dict[Language, str] = {"zh": "中", "en": "EN", "ko": "한"}
"""The languages on a narrow screen."""

_CHAT_TEXTS = ("name", "question", "placeholder", "send", "conversation", "searching", "you")
_DESK_TEXTS = (
    "name", "placeholder", "search", "found", "tabs", "detail", "untitled", "failed", "most", "back",
)  # fmt: skip
_BARE: dict[str, Any] = {"docs_url": None, "redoc_url": None, "openapi_url": None}
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def application(chat: Chat, settings: Settings | None = None) -> FastAPI:
    """The web application of a chat: ``/``, ``/desk`` and ``/insights``.

    Raises:
        AccessError: the file of users cannot be used.
        SettingsError: a setting of the channels or the widget has no such value.
    """
    settings = settings or Settings.from_environment()
    journal = open_journal(settings)
    access = Access.of(settings)
    chat.journal = journal
    app = FastAPI(**_BARE)
    app.add_middleware(
        ServedPage,
        title=message("zh", "page.name"),
        styles=_styles(),
        embedders=embedders(settings),
    )
    guard(app, access)

    mount_api(app, chat)
    mount_channels(app, chat, settings)
    add_widget(app)

    def desk() -> FastAPI:
        return _mount(FastAPI(**_BARE), _desk(chat, journal), "/desk")

    def insights() -> FastAPI:
        return _insights(chat, journal, settings.corpus)

    app.state.late = [_add_late(app, "/desk", desk), _add_late(app, "/insights", insights)]
    return _mount(app, _chat(chat), "/")


def _add_late(app: FastAPI, path: str, make: Callable[[], FastAPI]) -> Late:
    """Adds a page that is made when it is opened, or when ``app.state.late`` are loaded."""

    @app.get(path, include_in_schema=False)
    def with_slash(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{request.scope.get('root_path', '')}{path}/")

    late = Late(make)
    add_late(app, path, late)
    return late


def _styles() -> dict[str, str]:
    """The style sheet of each face, by its path."""
    theme, desk = ((_HERE / name).read_text(encoding="utf-8") for name in ("theme.css", "desk.css"))
    return {"/": theme, "/desk/": theme + desk, "/insights/": theme + desk}


def _mount(app: FastAPI, blocks: gr.Blocks, path: str) -> FastAPI:
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        blocks,
        path=path,
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


def _page(
    template: str,
    script: str,
    faces: dict[Language, dict[str, Any]],
    functions: Sequence[Callable[..., Any]],
    **properties: Any,
) -> gr.HTML:
    """A face as one component: its markup, its words in each language, its behaviour."""
    scripts = [_HERE / "scripts" / name for name in ("common.js", script, "building.js")]
    return gr.HTML(
        value=None,
        # A property, not the template itself: templates are compiled as code in the browser.
        html_template="${page}",
        page=render(template, "zh"),
        faces=faces,
        js_on_load="\n".join(path.read_text(encoding="utf-8") for path in scripts),
        server_functions=list(functions),
        apply_default_css=False,
        **properties,
    )


def _header(language: Language, face: str) -> str:
    names = {each: message(each, "language_name") for each in LANGUAGES}
    return render("header.html", language, names=names, short=_SHORT, face=face)


# --- chat


class _Duties(BaseModel):
    department: str = Field(max_length=500)
    clause: str = Field(max_length=500)
    answered: Language
    language: Language


class _Cited(BaseModel):
    clause: str = Field(max_length=500)
    starts: list[int] = Field(max_length=500)


class _Word(BaseModel):
    question: str = Field(max_length=2000)
    cards: list[_Cited] = Field(max_length=60)
    answered: Language
    language: Language


class _Rating(BaseModel):
    entry: str = Field(max_length=100)
    thumb: str
    reason: str


class _Step(BaseModel):
    language: Language
    question: str = Field("", max_length=2000)
    after: str = Field("", max_length=500)
    clause: str = Field("", max_length=500)


class _Event(BaseModel):
    """What the script sends, or what anybody else makes up."""

    id: int = 0
    language: str = ""
    question: str = ""
    after: str = ""
    clause: str = ""
    said: list[_Step] = Field(default_factory=list, max_length=50)

    @classmethod
    def of(cls, event: gr.EventData) -> _Event:
        sent = {name: getattr(event, name, None) for name in cls.model_fields}
        try:
            return cls.model_validate({k: v for k, v in sent.items() if v is not None})
        except ValidationError:
            return cls()

    def step(self) -> Step:
        return Step(_language(self.language), self.question, self.after, self.clause)


def _chat(chat: Chat) -> gr.Blocks:
    def renewed(_: dict[str, Any]) -> dict[Language, dict[str, Any]]:
        # What the page says of the documents, once another index answers.
        return {language: _chat_face(chat, language) for language in LANGUAGES}

    def examples(language: str) -> list[str]:
        return chat.examples(_language(language))

    def duties(request: dict[str, Any]) -> str:
        asked = _Duties.model_validate(request)
        return chat.duties(asked.department, asked.clause, asked.answered, asked.language)

    def word(request: dict[str, Any]) -> dict[str, str]:
        from qa import word as word_file

        asked = _Word.model_validate(request)
        chosen = [(card.clause, card.starts) for card in asked.cards]
        citations = chat.citations(chosen, asked.answered)
        index = chat.assistant.index
        data = word_file.word_document(
            asked.question, citations, index, asked.answered, asked.language
        )
        return _file(f"{message(asked.language, 'word.file')}.docx", word_file.TYPE, data)

    def rate(request: dict[str, Any]) -> None:
        rating = _Rating.model_validate(request)
        chat.rate(rating.entry, rating.thumb, rating.reason)

    blocks: gr.Blocks = gr.Blocks(title=message("zh", "page.name"), analytics_enabled=False)
    with blocks:
        page = _page(
            "page.html",
            "chat.js",
            renewed({}),
            [examples, duties, word, rate, renewed],
            failure=failure("error.connection"),
            build=chat.assistant.index.folder.name,
        )

        async def dealt_with(
            asked: _Event, steps: Sequence[Step], request: gr.Request
        ) -> dict[str, Any]:
            characters = sum(len(step.question) for step in (*steps, asked.step()))
            session = request.session_hash or ""
            turn, after = await worked_out(
                chat, characters, lambda: chat.go_on(steps, asked.step(), session=session)
            )
            return _sent(turn, asked.id, after)

        async def go_on(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
            asked = _Event.of(event)
            steps = [Step(**each.model_dump()) for each in asked.said]
            return await dealt_with(asked, steps, request)

        async def ask_anew(event: gr.EventData, request: gr.Request) -> dict[str, Any]:
            return await dealt_with(_Event.of(event), (), request)

        carried: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        for event in (
            page.submit(go_on, None, page, **carried),
            page.input(ask_anew, None, page, **carried),
            page.select(go_on, None, page, **carried),
        ):
            event.failure(None, js="() => { window.dispatchEvent(new Event('qa-failure')) }")
    return blocks


def _file(name: str, content_type: str, data: bytes) -> dict[str, str]:
    """A file as the script saves it."""
    return {"name": name, "type": content_type, "data": b64encode(data).decode()}


def _sent(turn: Turn, number: int, said: Sequence[Step]) -> dict[str, Any]:
    """A turn as the script takes it; ``number`` is the script's own for the question, and ``said``
    what it sends along with the next."""
    return {
        "id": number,
        "tag": TAGS[turn.language],
        "html": turn.html,
        "entry": turn.entry,
        "after": turn.after,
        "said": [asdict(step) for step in said],
    }


def _language(value: object) -> Language:
    """What the page says is its language, which anybody can send."""
    return next((language for language in LANGUAGES if language == value), LANGUAGES[0])


def _chat_face(chat: Chat, language: Language) -> dict[str, Any]:
    """The words of the chat in a language: its zones as HTML, and the texts of attributes."""
    index = chat.cards.index
    few = len(index.clauses) <= _LISTED_CLAUSES
    listed = range(min(len(index.documents), _LISTED_DOCUMENTS))
    documents = [
        {
            "title": chat.cards.document_title(document.id, language),
            "clauses": chat.cards.count(document.id),
            "outline": chat.cards.outline(document.id, language) if few else [],
        }
        for document in map(index.documents.heading, listed)
    ]
    left_out = len(index.documents) - len(documents)
    return {
        "tag": TAGS[language],
        "header": _header(language, "chat"),
        "welcome": render(
            "welcome.html",
            language,
            examples=chat.known_examples(language),
            documents=documents,
            left_out=left_out,
        ),
        "footer": message(language, "page.footer"),
        "texts": {key: message(language, f"page.{key}") for key in _CHAT_TEXTS},
    }


# --- desk


def _desk(chat: Chat, journal: Journal) -> gr.Blocks:
    from qa.web.desk import Asked, Desk, Marked, Opened, Pasted

    desk = Desk(chat, journal)

    def filters(request: dict[str, Any]) -> str:
        language = _language(request.get("language"))
        return render("desk_filters.html", language, filters=desk.filters(language))

    def search(request: dict[str, Any]) -> str:
        return desk.search(Asked.model_validate(request))

    # Gradio hands the request over to what is annotated so.
    def detail(asked: dict[str, Any], request: gr.Request) -> dict[str, str]:
        return desk.open(Opened.model_validate(asked), _client(request))

    def mark(asked: dict[str, Any], request: gr.Request) -> dict[str, str]:
        user = user_of(request)
        return desk.mark(Marked.model_validate(asked), _client(request), user.name if user else "")

    def check(request: dict[str, Any]) -> str:
        return desk.check(Pasted.model_validate(request))

    def log(request: dict[str, Any]) -> str:
        return desk.log(_language(request.get("language")))

    def excel(request: dict[str, Any]) -> dict[str, str]:
        language = _language(request.get("language"))
        name, data = desk.workbook(language)
        return _file(name, _EXCEL, data)

    blocks: gr.Blocks = gr.Blocks(title=message("zh", "desk.name"), analytics_enabled=False)
    with blocks:
        _page(
            "desk.html",
            "desk.js",
            {language: _desk_face(language) for language in LANGUAGES},
            [filters, search, detail, mark, check, log, excel],
            build=chat.assistant.index.folder.name,
        )
    return blocks


def _client(request: gr.Request) -> str:
    """Tells the desks apart in the journal, which stores a digest of it only."""
    client = request.client.host if request.client else ""
    return f"desk {client} {request.headers.get('user-agent', '')}"


def _desk_face(language: Language) -> dict[str, Any]:
    return {
        "tag": TAGS[language],
        "header": _header(language, "desk"),
        "strip": render("desk_strip.html", language),
        "filters": render(
            "desk_filters.html", language, filters={"documents": [], "departments": []}
        ),
        "help": render("desk_help.html", language),
        "check": render("desk_check.html", language),
        "empty": render("desk_empty.html", language),
        "texts": {key: message(language, f"desk.{key}") for key in _DESK_TEXTS},
    }


# --- insights


def _insights(chat: Chat, journal: Journal, corpus: Path) -> FastAPI:
    from qa.web.insights import Insights, add_export, insights_page

    app, insights = FastAPI(**_BARE), Insights(lambda: chat.assistant, journal, corpus)
    add_export(app, insights)
    build = chat.assistant.index.folder.name
    page = insights_page(insights, lambda language: _header(language, "insights"), build)
    return _mount(app, page, "/insights")
