"""Gemini's embeddings over the network, through the google-genai client.

https://ai.google.dev/gemini-api/docs/embeddings: at 3072 dimensions its vectors have
length 1, at fewer they have to be normalised; ``TextEncoder`` normalises all vectors.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.text.base import EncoderError

MODEL = "gemini-embedding-001"
DIMS = (768, 1536, 3072)
BATCH = 100
"""Largest number of texts in a request."""
KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
TIMEOUT_S = 30.0
TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
"""The pause after a failure that may be temporary, doubled each time up to a limit."""
_RETRIED_CODES = (408, 429, 500, 502, 503, 504)


@dataclass(slots=True)
class Gemini:
    """``gemini-embedding-001`` as an ``EmbeddingModel``."""

    key: str = field(repr=False)
    dim: int = DIMS[-1]
    base_url: str | None = None  # None is Google's own
    timeout_s: float = TIMEOUT_S
    pause: Callable[[float], object] = time.sleep
    batch: int = BATCH

    @classmethod
    def from_environment(cls, dim: int | None, base_url: str | None) -> "Gemini":
        """Open it with the key in the environment.

        Raises EncoderError if there is none, or if ``dim`` is not one of DIMS.
        """
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), "")
        if not key:
            raise EncoderError(
                f"gemini needs a key; expected {' or '.join(KEY_VARIABLES)} in the environment"
            )
        if dim is not None and dim not in DIMS:
            raise EncoderError(
                f"gemini: dimension {dim}; expected one of {', '.join(map(str, DIMS))}"
            )
        return cls(key, dim or DIMS[-1], base_url)

    @property
    def identity(self) -> str:
        """Model and dimension; not the address, as a proxy gives the same vectors."""
        return f"{MODEL} {self.dim}"

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, dim). Raises EncoderError, without the key in it, if the server does not answer."""
        from google import genai
        from google.genai import errors, types

        # Which HTTP library the client uses depends on its version, so its errors are recognised
        # by the names of their classes.
        options = types.HttpOptions(
            base_url=self.base_url,
            timeout=round(1_000 * self.timeout_s),
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        config = types.EmbedContentConfig(
            task_type="RETRIEVAL_QUERY" if query else "RETRIEVAL_DOCUMENT",
            output_dimensionality=self.dim,
        )
        client = genai.Client(api_key=self.key, vertexai=False, http_options=options)
        try:
            for attempt in range(TRIES):
                last = attempt + 1 == TRIES
                try:
                    answer = client.models.embed_content(
                        model=MODEL, contents=list(texts), config=config
                    )
                    break
                except errors.APIError as error:
                    if last or error.code not in _RETRIED_CODES:
                        message = (error.message or "").replace(self.key, "***")
                        raise EncoderError(_explain(error.code, message)) from None
                except Exception as error:
                    kinds = {kind.__name__ for kind in type(error).__mro__}
                    if last and "TimeoutException" in kinds:
                        reason = f"no answer within {self.timeout_s:g} s, {TRIES} times"
                        raise EncoderError(f"gemini: {reason}") from None
                    if last and "HTTPError" in kinds:
                        reason = f"cannot be reached ({type(error).__name__})"
                        raise EncoderError(f"gemini: {reason}") from None
                    if isinstance(error, ValueError):  # not JSON, or JSON of another shape
                        reason = f"an answer that is none ({type(error).__name__})"
                        raise EncoderError(f"gemini: {reason}") from None
                    if "HTTPError" not in kinds:
                        raise
                self.pause(min(FIRST_WAIT_S * 2**attempt, LONGEST_WAIT_S))
        finally:
            client.close()
        return _vectors(answer, len(texts))


def _vectors(answer: Any, n: int) -> np.ndarray:
    """The answer's vectors (n, dim). Raises EncoderError unless there are n of equal length."""
    found = [item.values or [] for item in answer.embeddings or []]
    if len(found) != n or len({len(values) for values in found}) != 1:
        raise EncoderError(
            f"gemini: answered {len(found)} vectors of {sorted({len(v) for v in found})} numbers "
            f"to {n} texts"
        )
    return np.array(found, np.float32)


def _explain(code: int, message: str) -> str:
    """One line for an HTTP status and the server's message."""
    line = " ".join(message.split())[:200]
    if code in (401, 403) or "API key" in line:
        return f"gemini: the key was refused ({code}); expected a valid one in {KEY_VARIABLES[0]}"
    if code == 429:
        return f"gemini: the rate limit or quota is used up (429), also after {TRIES} tries"
    return f"gemini: error {code}: {line}"
