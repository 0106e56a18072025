"""The insights page in Gradio: its zones, its plots, and what it sends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError

from qa.errors import PolicyError
from qa.messages import message
from qa.types import LANGUAGES, Language
from qa.web.cards import TAGS, render
from qa.web.insights.figures import HEIGHT
from qa.web.insights.view import Insights, Query, Settlement
from qa.web.login import user_of

_log = logging.getLogger(__name__)

_WEB = Path(__file__).parents[1]
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TEXTS = ("name", "loading", "undone", "selected")
_PLOTS = ("days", "languages", "clauses", "departments", "confidence", "reasons")


def add_export(app: FastAPI, insights: Insights) -> None:
    """Adds ``/insights/export``. A route and not a file of Gradio's: it leaves nothing on the disk,
    and stands behind the guard."""

    @app.get("/insights/export", include_in_schema=False)
    def export(request: Request) -> Response:
        given = {key: value for key, value in request.query_params.items() if value}
        try:
            query = Query.model_validate(given)
            data = insights.workbook(query)
        except ValidationError:
            return Response("no such query", 422, media_type="text/plain")
        except PolicyError as error:
            return Response(str(error), 503, media_type="text/plain; charset=utf-8")
        days = "_".join(str(day) for day in (query.first, query.last) if day) or "all"
        disposition = f'attachment; filename="questions_{days}.xlsx"'
        headers = {"content-disposition": disposition, "cache-control": "no-store"}
        return Response(data, media_type=_EXCEL, headers=headers)


def insights_page(insights: Insights, header: Callable[[Language], str], build: str) -> gr.Blocks:
    """The page.

    Args:
        header: gives the one of all faces in a language.
        build: the index that answers.
    """
    scripts = [_WEB / "scripts" / name for name in ("common.js", "building.js", "insights.js")]
    style = (Path(__file__).parent / "insights.css").read_text(encoding="utf-8")

    # Annotated as it is, Gradio hands the request over.
    def settle(asked: dict[str, Any], request: gr.Request) -> dict[str, Any]:
        user = user_of(request)
        return insights.settle(Settlement.model_validate(asked), user.name if user else "")

    def undo(asked: dict[str, Any]) -> dict[str, Any]:
        return insights.undo(Settlement.model_validate(asked))

    blocks: gr.Blocks = gr.Blocks(title=message("zh", "insights.name"), analytics_enabled=False)
    with blocks:
        page = gr.HTML(
            value=None,
            html_template="${top}@children${bottom}",
            top=render("insights.html", "zh", style=style, part="top"),
            bottom=render("insights.html", "zh", style=style, part="bottom"),
            faces={language: _face(language, header) for language in LANGUAGES},
            failure={language: render("insights_failure.html", language) for language in LANGUAGES},
            js_on_load="\n".join(path.read_text(encoding="utf-8") for path in scripts),
            server_functions=[settle, undo],
            apply_default_css=False,
            build=build,
        )
        with page, gr.Row(elem_classes="figures", equal_height=False):
            plots = [
                gr.Plot(
                    show_label=False,
                    container=False,
                    elem_id=f"figure-{name}",
                    elem_classes="figure",
                    min_width=HEIGHT,
                )
                for name in _PLOTS
            ]

        def load(event: gr.EventData) -> list[Any]:
            number = event.id
            try:
                query = Query.model_validate(event.query)
                board = insights.board(query)
            except PolicyError as error:
                _log.error("%s", error)
                asked = event.query["interface"]
                language = next((each for each in LANGUAGES if each == asked), LANGUAGES[0])
                failed = render(
                    "insights_failure.html", language, what=f"{error.where} {error.what}"
                )
                return [{"id": number, "head": "", "rest": failed, "empty": True}] + [None] * 6
            empty = not any(board.figures)
            sent = {
                "id": number,
                "head": board.head,
                "rest": board.rest,
                "empty": empty,
            }
            return [sent, *board.figures]

        page.submit(
            load,
            None,
            [page, *plots],
            queue=False,
            trigger_mode="multiple",  # the script takes care of the order
            show_progress="hidden",
            api_visibility="private",
        ).failure(None, js="() => { window.dispatchEvent(new Event('qa-failure')) }")
    return blocks


def _face(language: Language, header: Callable[[Language], str]) -> dict[str, Any]:
    return {
        "tag": TAGS[language],
        "header": header(language),
        "controls": render("insights_controls.html", language),
        "texts": {key: message(language, f"insights.{key}") for key in _TEXTS},
    }
