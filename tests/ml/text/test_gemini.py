"""Gemini's client against a real server on loopback that speaks as its documentation says."""

import logging
from typing import Any

import numpy as np
import pytest

from ml.text.base import EncoderError
from ml.text.encoders import TextEncoder, open_encoder
from tests.loopback import Reply, Request, loopback

pytest.importorskip("google.genai")

SECRET = "AIza-very-secret"


def gemini_reply(request: Request) -> Reply:
    """One vector a request, told apart by the text's length."""
    parts = [one["content"]["parts"][0]["text"] for one in request.body["requests"]]
    dim = request.body["requests"][0]["outputDimensionality"]
    rows = [[float(len(text))] + [1.0] * (dim - 1) for text in parts]
    return Reply({"embeddings": [{"values": row} for row in rows]})


def gemini_error(code: int, status: str, message: str, **more: Any) -> Reply:
    return Reply({"error": {"code": code, "message": message, "status": status}}, code, **more)


@pytest.fixture
def gemini_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", SECRET)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)


def gemini(url: str, waits: list[float] | None = None, timeout_s: float = 5.0) -> TextEncoder:
    """As opened by name, with short patience and a clock that does not wait."""
    encoder = open_encoder(f"gemini@768={url}")
    encoder.model.timeout_s = timeout_s  # type: ignore[attr-defined]
    encoder.model.pause = (waits if waits is not None else []).append  # type: ignore[attr-defined]
    return encoder


@pytest.mark.usefixtures("gemini_key")
def test_gemini_asks_in_batches_as_documented() -> None:
    texts = [f"{'x' * (k % 50)} {k}" for k in range(230)]
    with loopback(gemini_reply) as server:
        got = gemini(server.url).encode(texts)
        asked = gemini(server.url).encode(["what?"], query=True)
    assert got.shape == (230, 768)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1.0, atol=1e-5)
    length = np.array([len(text) for text in texts])
    np.testing.assert_allclose(got[:, 0] / got[:, 1], length, rtol=1e-4)
    assert asked.shape == (1, 768)
    assert [len(request.body["requests"]) for request in server.requests] == [100, 100, 30, 1]
    first = server.requests[0]
    assert first.path.endswith("/models/gemini-embedding-001:batchEmbedContents")
    assert first.headers["x-goog-api-key"] == SECRET
    assert first.body["requests"][0]["taskType"] == "RETRIEVAL_DOCUMENT"
    assert server.requests[-1].body["requests"][0]["taskType"] == "RETRIEVAL_QUERY"


@pytest.mark.usefixtures("gemini_key")
def test_gemini_waits_longer_each_time_and_then_goes_on() -> None:
    waits: list[float] = []
    busy = gemini_error(429, "RESOURCE_EXHAUSTED", "slow down")
    down = gemini_error(503, "UNAVAILABLE", "overloaded")
    with loopback(busy, down, busy, gemini_reply) as server:
        assert gemini(server.url, waits).encode(["a"]).shape == (1, 768)
    assert waits == [1.0, 2.0, 4.0]


@pytest.mark.usefixtures("gemini_key")
@pytest.mark.parametrize(
    ("reply", "told", "n_requests"),
    [
        (gemini_error(429, "RESOURCE_EXHAUSTED", "quota"), "rate limit", 5),
        (gemini_error(401, "UNAUTHENTICATED", f"key {SECRET} is bad"), "key was refused", 1),
        (gemini_error(400, "INVALID_ARGUMENT", f"API key not valid: {SECRET}"), "refused", 1),
        (gemini_error(400, "INVALID_ARGUMENT", "text too\nlong"), "error 400: text too long", 1),
        (gemini_error(500, "INTERNAL", f"oops {SECRET}"), r"error 500: oops \*\*\*", 5),
        (Reply(b"<html>not json</html>"), "an answer that is none", 1),
        (Reply({"embeddings": []}), "answered 0 vectors", 1),
        (Reply({"embeddings": [{"values": [1.0, 2.0]}]}), r"answered \(1, 2\)", 1),
        (Reply({"vectors": "surprise"}), "answered 0 vectors", 1),
    ],
)
def test_gemini_failures_are_one_line_without_the_key(
    reply: Reply, told: str, n_requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        loopback(reply) as server,
        caplog.at_level(logging.DEBUG),
        pytest.raises(EncoderError, match=told) as error,
    ):
        gemini(server.url).encode(["a"])
    assert len(server.requests) == n_requests
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value) + caplog.text


@pytest.mark.usefixtures("gemini_key")
def test_gemini_does_not_wait_for_ever() -> None:
    with (
        loopback(Reply({}, wait_s=30.0)) as server,
        pytest.raises(EncoderError, match=r"no answer within 0\.2 s, 5 times"),
    ):
        gemini(server.url, timeout_s=0.2).encode(["a"])


@pytest.mark.usefixtures("gemini_key")
def test_gemini_that_is_not_there() -> None:
    with loopback(Reply({})) as server:
        gone = server.url
    with pytest.raises(EncoderError, match="cannot be reached"):
        gemini(gone).encode(["a"])


def test_gemini_wants_a_key_and_a_dimension_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EncoderError, match="gemini needs a key; expected GEMINI_API_KEY"):
        open_encoder("gemini")
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    with pytest.raises(EncoderError, match="dimension 100; expected one of 768, 1536, 3072"):
        open_encoder("gemini@100")
    assert open_encoder("gemini").dim == 3072
