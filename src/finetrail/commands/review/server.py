"""The server of a review: one page and one call, for one person on this machine.

It listens on loopback alone. A page of another site could still reach it through the person's browser, so each request
must name this address as its host (no DNS name rebound to it), know a token that only the printed address has, and, to
write, come from this page and carry JSON, which a foreign form cannot send.
"""

import json
import secrets
from collections.abc import Callable
from hmac import compare_digest
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from finetrail.commands.review.decisions import Decision
from finetrail.errors import FinetrailError
from finetrail.programs.ports import HOST

MOST = 64 * 1024
"""Bytes of a decision."""
PATIENCE = 30
"""Seconds that a connection may take to say what it wants."""
NOTHING = "default-src 'none'"
"""The policy of an answer that is no page."""
Page = Callable[[str, str], str]
"""Makes the page from the token and the nonce of its script and style."""
Decide = Callable[[Decision], str]


class ReviewServer(ThreadingHTTPServer):
    """Attributes: address: what the person opens; count: of suspects on the page."""

    daemon_threads = True

    def __init__(self, port: int, page: Page, decide: Decide, count: int) -> None:
        super().__init__((HOST, port), _Handler)
        self.page, self.decide, self.count = page, decide, count
        self.token = secrets.token_urlsafe(32)
        self.host = f"{HOST}:{self.server_address[1]}"

    @property
    def address(self) -> str:
        return f"http://{self.host}/?token={self.token}"


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    timeout = PATIENCE
    server_version = "finetrail"
    sys_version = ""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        token = parse_qs(query).get("token", [""])[0]
        if not self._is_ours(token):
            return
        if path != "/":
            self._answer(HTTPStatus.NOT_FOUND, "there is one page, /")
            return
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self._answer(HTTPStatus.OK, self.server.page(token, nonce), "text/html", policy)

    def do_POST(self) -> None:
        if not self._is_ours(self.headers.get("X-Token", "")):
            return
        if self.headers.get("Origin") != f"http://{self.server.host}":
            self._answer(HTTPStatus.FORBIDDEN, "the request comes from another page")
        elif self.headers.get_content_type() != "application/json" or self.path != "/decide":
            self._answer(HTTPStatus.BAD_REQUEST, "a decision is JSON, sent to /decide")
        else:
            self._decide()

    def _decide(self) -> None:
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > MOST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a decision has at most {MOST} bytes")
            return
        try:
            value = json.loads(self.rfile.read(int(size)))
            if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
                raise TypeError("its values are texts")
            "".join(value.values()).encode()  # half a character cannot be written
            decision = Decision(**value)
        except (ValueError, TypeError):
            self._answer(HTTPStatus.BAD_REQUEST, "that is no decision; load the page again")
            return
        try:
            self._answer(HTTPStatus.OK, self.server.decide(decision))
        except (FinetrailError, OSError) as error:
            self._answer(HTTPStatus.CONFLICT, " ".join(str(error).split()))

    def _is_ours(self, token: str) -> bool:
        """Whether host and token are those that were printed; otherwise says so."""
        if self.headers.get("Host") != self.server.host:
            self._answer(HTTPStatus.FORBIDDEN, f"this is {self.server.host}, and answers to no other name")
            return False
        if not compare_digest(token.encode(), self.server.token.encode()):
            self._answer(HTTPStatus.FORBIDDEN, "the token is missing or wrong; open the address that was printed")
            return False
        return True

    def _answer(
        self, status: HTTPStatus, text: str, kind: str = "text/plain", policy: str = "default-src 'none'"
    ) -> None:
        data = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(data)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
            "Connection": "close",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing: the address holds the token."""
