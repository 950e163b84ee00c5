"""A real HTTP server on loopback that answers what a test lays down, for the network clients."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Request:
    """What a client sent."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: Any


@dataclass(slots=True)
class Reply:
    """What it gets: ``body`` as JSON, or as it is if it is bytes; ``drip`` sends it slowly."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    drip_s: float = 0.0


Answer = Reply | Callable[[Request], Reply]


@dataclass(slots=True)
class Loopback:
    """Where the server is, and what it was sent. The last reply answers all further requests."""

    url: str
    requests: list[Request]


@contextmanager
def loopback(*answers: Answer) -> Iterator[Loopback]:
    """Serve the answers in order while the context is open."""
    requests: list[Request] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = Request(
                self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(raw)
            )
            requests.append(request)
            answer = answers[min(len(requests), len(answers)) - 1]
            reply = answer if isinstance(answer, Reply) else answer(request)
            over.wait(reply.wait_s)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                step = 8 if reply.drip_s else len(body) or 1
                for start in range(0, len(body), step):
                    self.wfile.write(body[start : start + step])
                    if reply.drip_s:
                        self.wfile.flush()
                        time.sleep(reply.drip_s)
                        if over.is_set():
                            return
            except OSError:  # the client gave up, as it should where it has to wait
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Loopback(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def said(content: Any, **more: Any) -> Reply:
    """A chat completion that says so."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Reply(body, **more)
