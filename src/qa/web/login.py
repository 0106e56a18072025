"""The door of desk and insights: a form, a cookie, and a guard before their paths."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Form, Request
from starlette._utils import get_route_path
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qa.access import (
    COOKIE,
    SESSION_SECONDS,
    Access,
    Role,
    TooManyFailures,
    User,
    is_cross_site,
    is_local,
    roles_of,
    safe_target,
)
from qa.messages import message
from qa.types import LANGUAGES, Language
from qa.web.cards import render

PATHS: dict[str, Role] = {"/desk": Role.DESK, "/insights": Role.OFFICE}
"""What takes a role, by the prefix of the path."""

_LANGUAGE = "qa-language"
_USER = "qa.user"


def guard(app: FastAPI, access: Access) -> None:
    """Puts the guard before ``PATHS`` and adds ``/login``, ``/logout``, and ``/faces``, by which a
    page knows what its reader may open.

    To be called before anything is mounted at ``/``.
    """
    app.add_middleware(Guard, access=access)

    @app.get("/faces", include_in_schema=False)
    def faces(request: Request) -> dict[str, Any]:
        return _faces(request, access)

    @app.get("/login", include_in_schema=False)
    def form(request: Request) -> Response:
        return _page(request, "open" if access.configured else "off")

    @app.post("/login", include_in_schema=False)
    def log_in(
        request: Request,
        name: str = Form(""),
        password: str = Form(""),
        target: str = Form("", alias="next"),
    ) -> Response:
        if not access.configured:
            return _page(request, "off", 404)
        client = request.client.host if request.client else ""
        try:
            token = access.log_in(name.strip(), password, client)
        except TooManyFailures as error:
            page = _page(
                request, "wait", 429, name=name, target=target, minutes=-(-error.seconds // 60)
            )
            page.headers["retry-after"] = str(error.seconds)
            return page
        if token is None:
            return _page(request, "wrong", 401, name=name, target=target)
        user = access.user(token)
        reply = RedirectResponse(safe_target(target, _home(user)), 303)
        reply.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return reply

    @app.post("/logout", include_in_schema=False)
    def log_out(request: Request) -> Response:
        if access.configured:
            access.log_out(request.cookies.get(COOKIE, ""))
        reply = RedirectResponse("/login", 303)
        reply.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return reply


def user_of(request: Any) -> User | None:
    """Who made a request that the guard has let through; None where nobody has to log in.

    Args:
        request: a ``starlette`` request or a ``gr.Request``.
    """
    request = getattr(request, "request", request)
    user = request.scope.get(_USER) if request is not None else None
    return user if isinstance(user, User) else None


def _faces(request: Request, access: Access) -> dict[str, Any]:
    """The faces that are ``open`` to a request as it is, and the name of its ``user``."""
    client = request.client.host if request.client else ""
    user = access.user(request.cookies.get(COOKIE, ""))
    local = not access.configured and is_local(client, request.headers)
    roles = user.roles if user else ()
    paths = ["/", *(path for path, role in PATHS.items() if local or role in roles)]
    return {"open": paths, "user": user.name if user else ""}


class Guard:
    """Middleware: lets a request under ``PATHS`` through where its user may open it, and refuses
    what a page of another site causes there or at the login."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = get_route_path(scope) if scope["type"] in ("http", "websocket") else ""
        role = roles_of(PATHS, path)
        if role is None and path not in ("/login", "/logout"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, role)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope, role: Role | None) -> Response | None:
        headers = Headers(scope=scope)
        if is_cross_site(scope.get("method", "GET"), scope["scheme"], headers):
            return JSONResponse({"detail": "cross-site request"}, 403)
        if role is None:
            return None
        state = _state(self._access, scope, role)
        if not state:
            return None
        return _refused(scope, headers, state, 401 if state == "open" else 403)


def _state(access: Access, scope: Scope, role: Role) -> str:
    """Why a request may not open what takes a role; empty where it may. Notes its user."""
    headers = Headers(scope=scope)
    if not access.configured:
        client = scope["client"][0] if scope.get("client") else ""
        return "" if is_local(client, headers) else "local"
    user = access.user(cookie_parser(headers.get("cookie", "")).get(COOKIE, ""))
    if user is None:
        return "open"
    if role not in user.roles:
        return "forbidden"
    scope[_USER] = user
    return ""


def _refused(scope: Scope, headers: Headers, state: str, status: int) -> Response:
    """The login for who opens a page; a plain refusal for the requests of a script."""
    request = Request(scope)
    if scope["type"] != "http" or "text/html" not in headers.get("accept", ""):
        return JSONResponse({"detail": state}, status)
    if status == 401:
        from urllib.parse import quote

        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{scope.get('root_path', '')}/login?next={quote(target)}", 303)
    return _page(request, state, status)


def _page(
    request: Request,
    state: str,
    status: int = 200,
    name: str = "",
    target: str = "",
    **values: object,
) -> Response:
    chosen = request.query_params.get("language", "")
    language = _language(chosen, request.cookies, request.headers.get("accept-language", ""))
    nonce = secrets.token_urlsafe(16)
    page = HTMLResponse(
        render(
            "login.html",
            language,
            state=state,
            base=request.scope.get("root_path", ""),
            notice=message(language, f"login.{state}", **values),
            target=safe_target(target or request.query_params.get("next", ""), ""),
            name=name,
            names={each: message(each, "language_name") for each in LANGUAGES},
            chosen=chosen if chosen in LANGUAGES else "",
            nonce=nonce,
        ),
        status,
        headers={
            "content-security-policy": (
                f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
                "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
            ),
            "cache-control": "no-store",
            "referrer-policy": "same-origin",
        },
    )
    if chosen in LANGUAGES:
        page.set_cookie(_LANGUAGE, chosen, max_age=365 * 24 * 3600, samesite="lax")
    return page


def _language(chosen: str, cookies: Mapping[str, str], accepted: str) -> Language:
    """The language that was chosen here, or on another page, or that the browser prefers."""
    preferred = (part.strip()[:2].lower() for part in accepted.split(","))
    for code in (chosen, cookies.get(_LANGUAGE, ""), *preferred):
        for language in LANGUAGES:
            if code == language:
                return language
    return "en"


def _home(user: User | None) -> str:
    roles = user.roles if user else ()
    return next((path for path, role in PATHS.items() if role in roles), "/")
