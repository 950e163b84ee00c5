"""How a language model is reached: the schema it gets, and where keys go."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from sim.story.llm import Endpoint, LlmError, ask, strict
from sim.story.planner import Plan
from tests.loopback import Loopback, Reply, loopback, said

pytest.importorskip("openai")

SECRET = "xai-very-secret"


def at(server: Loopback) -> Endpoint:
    return Endpoint(server.url + "/v1", "small", SECRET, 10.0)


def test_the_schema_is_in_the_strict_form() -> None:
    def check(node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                check(item)
        if isinstance(node, dict):
            if "properties" in node:
                assert node["required"] == list(node["properties"])
                assert node["additionalProperties"] is False
            assert not {"default", "maximum", "maxLength", "maxItems"} & set(node)
            for key, value in node.items():
                check(list(value.values()) if key in ("properties", "$defs") else value)

    check(strict(Plan.model_json_schema()))


def test_keys_go_only_to_the_host_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XAI_API_KEY", "OPENAI_API_KEY", "LLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="expected XAI_API_KEY in the environment"):
        Endpoint.from_settings()
    monkeypatch.setenv("XAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "other")
    grok = Endpoint.from_settings()
    assert (grok.base_url, grok.model, grok.key) == ("https://api.x.ai/v1", "grok-4", SECRET)
    assert SECRET not in repr(grok)
    assert Endpoint.from_settings("http://localhost:11434/v1", "qwen3").key == ""
    assert Endpoint.from_settings("https://api.x.ai.evil.org/v1", "m").key == ""
    assert Endpoint.from_settings("https://api.openai.com/v1", "m").key == "other"
    with pytest.raises(ValueError, match="--llm-model"):
        Endpoint.from_settings("http://localhost:11434/v1")
    for url in ("localhost:11434", "ftp://x/v1", "http://"):
        with pytest.raises(ValueError, match="--llm-base-url"):
            Endpoint.from_settings(url, "m")


def test_an_answer_is_text_all_the_same() -> None:
    with loopback(said("hello")) as server:
        assert ask(at(server), [], "x", {"type": "object"}) == "hello"
        with pytest.raises(LlmError, match="without content"), loopback(said(" ")) as other:
            ask(at(other), [], "x", {"type": "object"})


@contextmanager
def raw_server(pieces: Iterator[bytes], pause_s: float = 0.0) -> Iterator[str]:
    """The address of a server that sends these bytes to the first client, whatever it asks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client, suppress(OSError):  # the client may leave at any time
                client.recv(65_536)
                for piece in pieces:
                    client.sendall(piece)
                    time.sleep(pause_s)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join(10.0)
        assert not thread.is_alive()


def endless(start: bytes) -> Iterator[bytes]:
    """An answer without an end; a test that read it all would not end either."""
    yield start
    for _ in range(4_000):
        yield b" " * 65_536


@pytest.mark.parametrize(
    ("status", "told"), [("200 OK", "more than 1,000,000 bytes"), ("401 No", "key was refused")]
)
def test_an_endless_answer_is_not_read_to_the_end(status: str, told: str) -> None:
    head = f"HTTP/1.1 {status}\r\n\r\n".encode()
    with raw_server(endless(head)) as url, pytest.raises(LlmError, match=told):
        ask(Endpoint(url, "small", SECRET, 8.0), [], "x", {"type": "object"})


def test_headers_sent_letter_by_letter_are_given_up() -> None:
    began = time.monotonic()
    letters = (bytes([c]) for c in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 60)
    with raw_server(letters, 0.05) as url:
        with pytest.raises(LlmError, match=r"no answer within 0.4 s"):
            ask(Endpoint(url, "small", SECRET, 0.4), [], "x", {"type": "object"})
        assert time.monotonic() - began < 2.0


def test_a_question_does_not_follow_a_redirect() -> None:
    with loopback(said("caught")) as other:
        for code in (302, 307, 308):
            away = Reply({}, code, {"Location": other.url + "/v1/chat/completions"})
            with (
                loopback(away) as server,
                pytest.raises(LlmError, match=rf"sends elsewhere \({code}\)"),
            ):
                ask(at(server), [], "x", {"type": "object"})
        assert other.requests == []


@pytest.mark.parametrize(
    "body",
    [b'{"choices": [{"message": {"content": ' + b"9" * 5_000 + b"}}]}", b"NaN", b"\xff\xfe\x00",
     b'{"choices": ' * 50_000, b'{"choices": {"0": 1}}', b"", b'[{"choices": []}]'],
)  # fmt: skip
def test_what_is_no_chat_completion_is_refused_in_one_line(body: bytes) -> None:
    with loopback(Reply(body)) as server, pytest.raises(LlmError) as refusal:
        ask(at(server), [], "x", {"type": "object"})
    assert len(str(refusal.value).splitlines()) == 1
