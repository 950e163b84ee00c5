"""How a language model is reached: the schema it gets, and where keys go."""

from typing import Any

import pytest

from sim.story.llm import Endpoint, LlmError, ask, strict
from sim.story.planner import Plan
from tests.loopback import Loopback, loopback, said

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
