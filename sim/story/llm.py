"""A language model behind an OpenAI-compatible address: one question, one JSON answer.

xAI, OpenAI, Ollama and vLLM serve such addresses. Keys come from the environment and go only to
the host they are for; they are never printed or logged.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from ml.text.base import require

XAI_URL, XAI_MODEL = "https://api.x.ai/v1", "grok-4"
KEY_OF_HOST = {"api.x.ai": "XAI_API_KEY", "api.openai.com": "OPENAI_API_KEY"}
OTHER_KEY = "LLM_API_KEY"
"""Variable whose key, if set, goes to any other host; local servers need none."""
TIMEOUT_S = 90.0
"""s for one answer with its retries; a large model takes half a minute to plan a long sentence."""
TRIES = 3
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 10.0
"""Pause before the first retry, doubled for each further one, and its limit."""
MAX_ANSWER = 1_000_000
"""Bytes of the longest answer that is read."""
_MAY_PASS = (408, 409, 429, 500, 502, 503, 504)
"""HTTP status codes worth a retry."""

Message = dict[str, str]


class LlmError(ValueError):
    """A model gave no answer or an unusable one; the message is one line."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address, name and key of a model; ``pause`` waits between retries."""

    base_url: str
    model: str
    key: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S
    pause: Callable[[float], object] = time.sleep

    @classmethod
    def from_settings(cls, base_url: str | None = None, model: str | None = None) -> "Endpoint":
        """An endpoint of the flags' values; without an address xAI, with the environment's key.

        Raises ValueError if the client is not installed, or an address, key or model is missing.
        """
        require("openai", "llm", "--planner llm")
        if base_url is None and not os.environ.get("XAI_API_KEY"):
            raise ValueError(
                "no language model: expected XAI_API_KEY in the environment, or --llm-base-url, "
                "such as http://localhost:11434/v1 with --llm-model"
            )
        url = base_url or XAI_URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("--llm-base-url: expected http://… or https://…")
        if model is None and parts.hostname != "api.x.ai":
            raise ValueError("--llm-model: expected the name of a model that --llm-base-url serves")
        key = os.environ.get(KEY_OF_HOST.get(parts.hostname, OTHER_KEY), "")
        return cls(url, model or XAI_MODEL, key)

    @property
    def host(self) -> str:
        """The host name, for notices: an address may hold a password."""
        return urlsplit(self.base_url).hostname or ""


def ask(endpoint: Endpoint, messages: list[Message], name: str, schema: dict[str, Any]) -> str:
    """The text of the model's answer, which is asked for as JSON of ``schema`` but may be any text.

    name: what the schema is called in the request. Failures worth a retry are retried within the
    endpoint's time. Raises LlmError.
    """
    import openai

    start = time.monotonic()
    kind = {"name": name, "schema": strict(schema), "strict": True}
    shape: dict[str, Any] = {"response_format": {"type": "json_schema", "json_schema": kind}}
    with openai.OpenAI(
        base_url=endpoint.base_url,
        api_key=endpoint.key or "none",  # the client insists on one; local servers ignore it
        timeout=endpoint.timeout_s,
        max_retries=0,
        # A redirect would carry the question to a host that nobody named.
        http_client=openai.DefaultHttpxClient(
            follow_redirects=False, event_hooks={"response": [_check_status]}
        ),
    ) as client:
        for attempt in range(TRIES):
            left = endpoint.timeout_s - (time.monotonic() - start)
            question = partial(_answer, client, endpoint, messages, shape, max(left, 0.1))
            try:
                return _content(_within(max(left, 0.1), question))
            except LlmError:
                raise
            except Exception as error:
                refused = error if isinstance(error, _Refused) else error.__cause__
                if not isinstance(refused, _Refused):
                    raise LlmError(_unreached(endpoint, error)) from None
                if refused.code in (400, 422) and shape:
                    shape = {}  # a server without schemas; the first message holds it as well
                    continue
                wait = _wait(refused.retry_after, attempt)
                passes = refused.code in _MAY_PASS and attempt + 1 < TRIES
                if not passes or wait > left:
                    raise LlmError(_explain(endpoint, refused.code)) from None
                endpoint.pause(wait)
    raise LlmError(f"{endpoint.host}: no answer it was asked for, {TRIES} times")


class _Refused(Exception):
    """A server answered with a status that is no success."""

    def __init__(self, code: int, retry_after: str | None) -> None:
        super().__init__(code)
        self.code, self.retry_after = code, retry_after


def _check_status(response: Any) -> None:
    """Raises _Refused for an answer that is no success, before a client reads its whole body."""
    if not 200 <= response.status_code < 300:
        raise _Refused(response.status_code, response.headers.get("retry-after"))


def _unreached(endpoint: Endpoint, error: Exception) -> str:
    """Why there was no answer. Raises the error again if it is none of the network's."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & {"APITimeoutError", "TimeoutException", "Empty"}:
        return f"{endpoint.host}: no answer within {endpoint.timeout_s:g} s"
    if not kinds & {"APIConnectionError", "HTTPError"}:
        raise error
    return f"{endpoint.host}: cannot be reached"


def _within(seconds: float, call: Callable[[], bytes]) -> bytes:
    """What ``call`` returns or raises, if it does within so many seconds; else ``queue.Empty``.

    A client's own limits are for each piece that arrives, so that a server that sends its answer,
    or just its headers, letter by letter could hold it for ever.
    """
    results: SimpleQueue[tuple[bytes, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            results.put((call(), None))
        except BaseException as error:  # whatever it is, it is raised where it was asked for
            results.put((b"", error))

    Thread(target=run, daemon=True).start()
    body, error = results.get(timeout=seconds + 0.2)
    if error is not None:
        raise error
    return body


def _answer(
    client: Any,
    endpoint: Endpoint,
    messages: list[Message],
    shape: dict[str, Any],
    left_s: float,
) -> bytes:
    """The body of an answer, read in pieces so that a slow or endless one can be given up."""
    end = time.monotonic() + left_s
    body = b""
    call = client.chat.completions.with_streaming_response.create
    with call(model=endpoint.model, messages=messages, timeout=left_s, **shape) as response:
        for piece in response.iter_bytes():
            body += piece
            if time.monotonic() > end:
                raise LlmError(f"{endpoint.host}: no answer within {endpoint.timeout_s:g} s")
            if len(body) > MAX_ANSWER:
                raise LlmError(f"{endpoint.host}: an answer of more than {MAX_ANSWER:,} bytes")
    return body


def _content(body: bytes) -> str:
    """The message of a chat completion. Raises LlmError."""
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise LlmError("an answer that is no chat completion") from None
    if not isinstance(text, str) or not text.strip():
        raise LlmError("an answer without content")
    return text


def _wait(asked: str | None, attempt: int) -> float:
    """Seconds before the next try: what the server's Retry-After asks, or a doubling pause."""
    try:
        return min(max(float(asked or ""), 0.0), 1e6)
    except ValueError:
        return min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S)


def _explain(endpoint: Endpoint, code: int) -> str:
    """A status code in words. The body is left out: it may repeat what was sent."""
    if code in (401, 403):
        return f"{endpoint.host}: the key was refused ({code})"
    if code == 404:
        return f"{endpoint.host}: no model {endpoint.model!r} there, or no such address (404)"
    if 300 <= code < 400:
        return f"{endpoint.host}: sends elsewhere ({code}); expected the address itself"
    if code == 429:
        return f"{endpoint.host}: the rate limit or quota is used up (429)"
    return f"{endpoint.host}: error {code}"


_LIMITS = frozenset(
    {"default", "title", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
     "minLength", "maxLength", "minItems", "maxItems", "pattern", "format"}
)  # fmt: skip


def strict(node: Any) -> Any:
    """A schema in the subset that structured output accepts: all fields required, no limits."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    named = node.get("properties")
    kept = {key: strict(value) for key, value in node.items() if key not in _LIMITS}
    if isinstance(named, dict):
        kept["properties"] = {key: strict(value) for key, value in named.items()}
        kept |= {"required": list(named), "additionalProperties": False}
    return kept
