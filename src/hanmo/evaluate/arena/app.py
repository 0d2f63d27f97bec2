"""The arena's pages: routes only; the rules are `referee.py`'s (report section 5.1, AI Arena).

    GET  /, /board                 the pages; their files under /web/
    POST /api/match                a match: a token and the prompt's text
    GET  /picture/TOKEN/left       its pictures, as pixels alone
    POST /api/vote, /api/undo      a vote, answered with the names; the last one withdrawn
    POST /api/name                 a name, if the voter wants one
    GET  /api/board                the board, also of one category
    GET  /export/board.csv ...     board and votes as JSON and CSV

Before a vote no answer names a model. A voter is a random cookie that scripts cannot read and other sites cannot
send; the pages run nothing that is not a file of `web/`.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hanmo.errors import RequestError
from hanmo.evaluate.arena.export import board_rows, board_text, votes_text
from hanmo.evaluate.arena.limits import Limit
from hanmo.evaluate.arena.painting import Painter
from hanmo.evaluate.arena.pictures import plain
from hanmo.evaluate.arena.referee import ALL, Referee
from hanmo.evaluate.arena.votes import Refused, voter_hash

COOKIE = "hanmo_voter"
YEAR = 365 * 24 * 3600
BODY = 4096
"""Bytes that a request may have."""

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_WEB = ("arena.css", "vote.js", "board.js", "words.js", "seal.svg")
_VOTER = re.compile(r"[\w-]{43}", re.ASCII)
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


def create_app(referee: Referee, voter_limit: Limit | None = None, address_limit: Limit | None = None) -> ASGIApp:
    """The arena as a web application.

    Args:
        referee: the arena.
        voter_limit: how fast one voter may ask and vote; by default one a second, 30 at once.
        address_limit: the same for one address, which a class or an office may share; by default ten, 300 at once.
    """
    pages = _Pages(referee, voter_limit or Limit(1.0, 30.0), address_limit or Limit(10.0, 300.0))
    routes = [
        Route("/", _file("index.html")),
        Route("/board", _file("board.html")),
        *(Route(f"/web/{name}", _file(name)) for name in _WEB),
        Route("/picture/{token}/{side}", pages.picture),
        Route("/api/match", pages.guarded(pages.match), methods=["POST"]),
        Route("/api/vote", pages.guarded(pages.vote), methods=["POST"]),
        Route("/api/undo", pages.guarded(pages.undo), methods=["POST"]),
        Route("/api/name", pages.guarded(pages.rename), methods=["POST"]),
        Route("/api/board", pages.board),
        Route("/export/{what}.{form}", pages.export),
    ]
    return _Secured(Starlette(routes=routes, exception_handlers={HTTPException: _plainly}))


class _Pages:
    """The handlers, with what they share."""

    def __init__(self, referee: Referee, voter_limit: Limit, address_limit: Limit) -> None:
        self._referee = referee
        self._voter_limit, self._address_limit = voter_limit, address_limit

    def guarded(
        self, handler: Callable[[str, dict[str, Any]], dict[str, Any]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler that gets (voter, body), is asked by our own pages only, and not too often."""

        async def guard(request: Request) -> Response:
            if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                return _refusal(403, "this request came from another site")
            body = await _body(request)
            cookie = request.cookies.get(COOKIE, "")
            known = _VOTER.fullmatch(cookie) is not None
            cookie = cookie if known else secrets.token_urlsafe(32)
            address = request.client.host if request.client else ""
            if wait := self._address_limit.wait(address) or self._voter_limit.wait(cookie):
                answer = _refusal(429, "that was too fast: wait a moment")
                answer.headers["retry-after"] = str(int(wait) + 1)
                return answer
            try:
                answer = JSONResponse(await run_in_threadpool(handler, voter_hash(cookie), body))
            except Refused as refused:
                answer = _refusal(409, str(refused))
            if not known:
                secure = request.url.scheme == "https"
                answer.set_cookie(COOKIE, cookie, max_age=YEAR, httponly=True, samesite="strict", secure=secure)
            return answer

        return guard

    def match(self, voter: str, body: dict[str, Any]) -> dict[str, Any]:
        held = body.get("held", [])
        held = [one for one in held if isinstance(one, str)] if isinstance(held, list) else []
        shown = self._referee.next(voter, held)
        if shown is None:
            painting = any(isinstance(one, Painter) and one.busy for one in self._referee.models.values())
            return {"done": True, "painting": painting, "cast": self._referee.ballots.cast_by(voter)}
        return asdict(shown)

    def vote(self, voter: str, body: dict[str, Any]) -> dict[str, Any]:
        token, verdict = body.get("token"), body.get("verdict")
        if not isinstance(token, str) or verdict not in ("left", "right", "tie", "bad"):
            raise Refused("a vote needs a token and a verdict: left, right, tie or bad")
        return asdict(self._referee.vote(voter, token, verdict))

    def undo(self, voter: str, body: dict[str, Any]) -> dict[str, Any]:
        done = self._referee.withdraw(voter)
        return {"withdrawn": done, "cast": self._referee.ballots.cast_by(voter)}

    def rename(self, voter: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("name")
        if not isinstance(name, str):
            raise Refused("a name is a text")
        self._referee.ballots.greet(voter, name)
        return {"name": name[:40]}

    def picture(self, request: Request) -> Response:
        token, side = request.path_params["token"], request.path_params["side"]
        voter = voter_hash(request.cookies.get(COOKIE, ""))
        if side not in ("left", "right"):
            return _refusal(404, "there is no such picture")
        try:
            path = self._referee.picture(voter, token, side)
            return Response(plain(path), media_type="image/png", headers={"cache-control": "private, max-age=3600"})
        except (KeyError, RequestError):  # the message may name a file, and with it a model
            return _refusal(404, "there is no such picture")

    def board(self, request: Request) -> Response:
        category = request.query_params.get("category", ALL)
        if category not in (ALL, *self._referee.categories):
            return _refusal(404, "there is no such category")
        found = self._referee.board(category)
        failed = {one.name: one.failed for one in self._referee.models.values() if one.failed}
        answer = found.to_dict() | {"standings": board_rows(found), "categories": self._referee.categories}
        return JSONResponse(answer | {"failed": sorted(failed)})

    def export(self, request: Request) -> Response:
        what, form = request.path_params["what"], request.path_params["form"]
        if what not in ("board", "votes") or form not in ("json", "csv"):
            return _refusal(404, "there are board.json, board.csv, votes.json and votes.csv")
        text = board_text(self._referee.board(), form) if what == "board" else votes_text(self._referee.votes(), form)
        kind = "application/json" if form == "json" else "text/csv"
        return Response(
            text, media_type=kind, headers={"content-disposition": f'attachment; filename="arena-{what}.{form}"'}
        )


def _file(name: str) -> Callable[[Request], Response]:
    content = (files(__package__) / "web" / name).read_bytes()
    kind = _TYPES[name.rpartition(".")[2]]

    def serve(request: Request) -> Response:
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    return serve


async def _body(request: Request) -> dict[str, Any]:
    """A small JSON object.

    Raises:
        HTTPException: 415, 413 or 400.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > BODY:
            raise HTTPException(413, f"send at most {BODY} bytes")
    try:
        body = json.loads(data)
    except ValueError:
        raise HTTPException(400, "send JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "send a JSON object")
    return body


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _plainly(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _refusal(error.status_code, error.detail)
    return _refusal(500, "a fault of ours")


class _Secured:
    """Every answer with the headers that keep browsers from doing more than the pages need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                headers = dict(_HEADERS) | {"cache-control": "no-store"}
                message["headers"] = [
                    *message["headers"],
                    *((k.encode(), v.encode()) for k, v in headers.items() if k.encode() not in there),
                ]
            await send(message)

        await self._app(scope, receive, secured)
