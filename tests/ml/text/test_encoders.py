"""The bundled text encoder against its float model, the cache, names and adapters."""

import logging
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entities.errors import UserError
from ml.text import shipped
from ml.text.adapter_fit import fit
from ml.text.base import EncoderError
from ml.text.encoders import (
    MINILM_DIM,
    Adapter,
    EncoderSpec,
    TextEncoder,
    adapter_file,
    into_default,
    open_encoder,
)
from sim.story.sample_sentences import sentences

REFERENCE = Path(__file__).parents[2] / "data" / "minilm_reference.npz"


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return open_encoder()


def lengths(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=1)


def test_the_bundled_model_agrees_with_its_float_weights(minilm: TextEncoder) -> None:
    with np.load(REFERENCE) as file:
        texts, wanted = [str(text) for text in file["texts"]], file["vectors"].astype(np.float32)
    got = minilm.encode(texts)
    assert len(texts) == 200
    assert got.shape == (200, MINILM_DIM)
    assert got.dtype == np.float32
    np.testing.assert_allclose(lengths(got), 1.0, atol=1e-5)
    cosine = (got * wanted).sum(axis=1)
    assert cosine.mean() >= 0.99
    assert cosine.min() >= 0.98


def test_the_bundled_model_is_small_enough_and_says_where_it_is_from() -> None:
    import onnxruntime

    path = Path(__file__).parents[3] / "assets" / "models" / "minilm.onnx"
    assert path.stat().st_size <= 30e6
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert about["license"] == "Apache-2.0"
    assert about["encoder"] == "sentence-transformers/all-MiniLM-L6-v2"


def test_meaning_is_near(minilm: TextEncoder) -> None:
    run, jog, eat = minilm.encode(["a man runs fast", "a man is sprinting", "a man eats soup"])
    assert run @ jog > 0.6
    assert run @ jog > run @ eat + 0.25


def test_company_changes_nothing(minilm: TextEncoder) -> None:
    texts = ["a man runs", "hi", "a long walk along the beach at dusk, then home", "hi", ""]
    together = minilm.encode(texts)
    alone = np.concatenate([minilm.encode([text]) for text in texts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[1], together[3])
    assert minilm.encode([]).shape == (0, MINILM_DIM)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_direction(text: str) -> None:
    vectors = SHARED.encode([text, text + "\ud800"])
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(lengths(vectors), 1.0, atol=1e-5)


SHARED = open_encoder()
"""Hypothesis takes no fixture of the module; opening loads nothing yet."""


def test_the_bundled_encoder_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'transformers', 'google.genai'): sys.modules[name] = None\n"
        "from ml.text.encoders import open_encoder\n"
        "print(open_encoder().encode(['a man runs']).shape)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "(1, 384)"


class Counting:
    """A model that counts what it is asked."""

    def __init__(self, identity: str = "counting 1") -> None:
        self.identity, self.dim, self.batch = identity, 8, 3
        self.asked: list[list[str]] = []

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        self.asked.append(texts)
        rng = [np.random.default_rng([query, *text.encode()]) for text in texts]
        return np.stack([one.normal(size=8) * 5.0 for one in rng])


def test_the_cache_spares_the_model(tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "vectors.sqlite"
    first, again = Counting(), Counting()
    texts = ["a", "b", "a", "c", "d", "e"]
    wanted = TextEncoder("counting", first, cache).encode(texts)
    assert [len(batch) for batch in first.asked] == [3, 2]
    got = TextEncoder("counting", again, cache).encode([*texts, "new"])
    np.testing.assert_array_equal(got[:6], wanted)
    assert again.asked == [["new"]]


def test_the_cache_tells_models_and_queries_apart(tmp_path: Path) -> None:
    cache = tmp_path / "vectors.sqlite"
    TextEncoder("counting", Counting(), cache).encode(["a"])
    other, asking = Counting("counting 2"), Counting()
    TextEncoder("counting", other, cache).encode(["a"])
    TextEncoder("counting", asking, cache).encode(["a"], query=True)
    assert other.asked == asking.asked == [["a"]]


def test_a_broken_cache_is_said_once_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "vectors.sqlite"
    cache.write_bytes(b"this is no database at all" * 100)
    encoder = TextEncoder("counting", Counting(), cache)
    with caplog.at_level(logging.WARNING):
        first, second = encoder.encode(["a"]), encoder.encode(["a"])
    np.testing.assert_array_equal(first, second)
    assert len(caplog.records) == 1
    assert str(cache) in caplog.text


def test_a_cached_vector_of_another_size_is_not_used(tmp_path: Path) -> None:
    cache = tmp_path / "vectors.sqlite"
    TextEncoder("counting", Counting(), cache).encode(["a"])
    with sqlite3.connect(cache) as base:
        base.execute("UPDATE vectors SET vector = x'00000000'")
    base.close()
    model = Counting()
    TextEncoder("counting", model, cache).encode(["a"])
    assert model.asked == [["a"]]


@pytest.mark.parametrize("bad", [np.zeros((1, 8)), np.full((1, 8), np.nan), np.ones((1, 7))])
def test_an_answer_that_is_no_direction_is_refused(bad: np.ndarray) -> None:
    model = Counting()
    model.embed = lambda texts, query: bad  # type: ignore[method-assign, misc]
    with pytest.raises(EncoderError, match="counting: answered"):
        TextEncoder("counting", model).encode(["a"])


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("minilm", EncoderSpec("minilm")),
        ("gemini@768", EncoderSpec("gemini", 768)),
        ("qwen3-8b@1024=/models/a@b=c", EncoderSpec("qwen3-8b", 1024, "/models/a@b=c")),
        ("qwen3-0.6b=Qwen/Qwen3-Embedding-0.6B", EncoderSpec("qwen3-0.6b", None,
                                                         "Qwen/Qwen3-Embedding-0.6B")),
    ],
)  # fmt: skip
def test_names(text: str, spec: EncoderSpec) -> None:
    assert EncoderSpec.parse(text) == spec


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("word2vec", "unknown encoder 'word2vec'.*minilm, qwen3-8b"),
        ("/no/such/folder", "unknown encoder"),
        ("gemini@many", "whole number"),
        ("minilm@64", "384 numbers"),
    ],
)
def test_wrong_names_are_told(text: str, told: str) -> None:
    with pytest.raises(EncoderError, match=told):
        open_encoder(text)


def test_an_adapter_leads_from_one_space_into_another(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    adapter = Adapter("counting", "minilm", rng.normal(size=(8, 5)).astype(np.float32),
                      rng.normal(size=5).astype(np.float32))  # fmt: skip
    adapter.save(tmp_path / "sub" / "a.npz")
    loaded = Adapter.load(tmp_path / "sub" / "a.npz")
    plain = TextEncoder("counting", Counting())
    got = plain.with_adapter(loaded).encode(["a", "b"])
    want = plain.encode(["a", "b"]) @ adapter.weight + adapter.offset
    assert plain.with_adapter(loaded).dim == 5
    np.testing.assert_allclose(got, want / lengths(want)[:, None], atol=1e-6)
    with pytest.raises(EncoderError, match="the adapter is for 'counting'"):
        TextEncoder("other", Counting()).with_adapter(loaded)


def test_files_that_are_no_adapter_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK nonsense")
    np.savez(tmp_path / "b.npz", weight=np.zeros(3))
    for name in ("a.npz", "b.npz", "missing.npz"):
        with pytest.raises(EncoderError, match=name):
            Adapter.load(tmp_path / name)


def test_the_default_needs_no_adapter_and_others_say_how_to_fit_one(tmp_path: Path) -> None:
    default = open_encoder()
    assert into_default(default, tmp_path) is default
    with pytest.raises(EncoderError, match=r"python -m tools\.fit_adapter 'counting'"):
        into_default(TextEncoder("counting", Counting()), tmp_path)
    Adapter("counting", "minilm", np.ones((8, 4), np.float32), np.ones(4, np.float32)).save(
        tmp_path / adapter_file("counting")
    )
    assert into_default(TextEncoder("counting", Counting()), tmp_path).encode(["a"]).shape == (1, 4)


@pytest.mark.parametrize(
    ("name", "module", "told"),
    [
        ("gemini", "google.genai", "gemini needs google-genai"),
        ("qwen3-8b", "torch", "qwen3-8b needs torch"),
        ("nemotron-8b", "transformers", "nemotron-8b needs transformers"),
    ],
)
def test_a_missing_extra_is_told(
    name: str, module: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda asked: asked != module or None)
    with pytest.raises(EncoderError, match=rf"{told}.*pip install 'stride-sim\[embed\]'"):
        open_encoder(name)


class Latent(Counting):
    """The same hidden meaning of a text as every other of its kind, in numbers of its own."""

    def __init__(self, dim: int) -> None:
        super().__init__(f"latent {dim}")
        self.dim, self.batch = dim, 64
        self.mix = np.random.default_rng(dim).normal(size=(8, dim))

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        return Counting().embed(texts, query=False) @ self.mix


@pytest.mark.parametrize("dim", [30, 300])
def test_a_fitted_adapter_finds_the_map(dim: int) -> None:
    """With more texts than inputs and with fewer."""
    source, target = TextEncoder("latent", Latent(dim)), TextEncoder("other", Latent(20))
    adapter, report = fit(source, target, sentences(250))
    assert report["own vector nearest"] == 1.0
    assert report["mean cosine"] > 0.95
    assert report["same 5 neighbours"] > 0.6
    fresh = ["a dragon sleeps", "the queen rides home"]
    mapped = source.with_adapter(adapter).encode(fresh)
    assert (mapped * target.encode(fresh)).sum(axis=1).min() > 0.9
    with pytest.raises(EncoderError, match="at least 50"):
        fit(source, target, sentences(49))


def test_a_corpus_is_reproducible_and_without_repeats() -> None:
    assert sentences(300) == sentences(300)
    assert len(set(sentences(300))) == 300


def test_a_damaged_cache_costs_time_and_no_vector(tmp_path: Path) -> None:
    encoder = TextEncoder("counting", Counting(), tmp_path / "cache.sqlite")
    wanted = encoder.encode(["one"])
    for wrong in (
        np.full(8, np.nan, "<f4").tobytes(),
        np.zeros(8, "<f4").tobytes(),
        "12345678" * 4,
    ):
        with closing(sqlite3.connect(encoder.cache)) as database, database:
            database.execute("UPDATE vectors SET vector = ?", (wrong,))
        again = TextEncoder("counting", Counting(), encoder.cache).encode(["one"])
        assert np.array_equal(again, wanted)


def test_a_damaged_adapter_is_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight, offset = rng.standard_normal((2, 8, 8)).astype(np.float32)
    whole = tmp_path / "whole.npz"
    Adapter("a", "b", weight, offset[0]).save(whole)
    content, path, lines = whole.read_bytes(), tmp_path / "adapter.npz", []
    for turn in range(150):
        damaged = bytearray(content)
        if turn % 3:
            for at in rng.integers(len(content), size=turn % 5 + 1).tolist():
                damaged[at] ^= 1 << int(rng.integers(8))
        else:
            damaged = damaged[: int(rng.integers(len(content)))]
        path.write_bytes(damaged)
        try:
            found = Adapter.load(path)
            assert np.isfinite(found.weight).all()
        except EncoderError as error:
            lines.append(str(error))
    assert len(lines) > 100  # what was damaged in a name or a comment of the archive is read
    assert all(line.startswith(f"{path}: ") and "\n" not in line for line in lines)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"weight": np.full((2, 2), np.inf, np.float32)}, "weight: expected finite numbers"),
        ({"weight": np.ones((2, 2))}, "weight: expected finite numbers of 32 bits"),
        ({"offset": np.ones(3, np.float32)}, "disagree"),
        ({"weight": np.array([[None]])}, "not an adapter file"),
    ],
)
def test_an_adapter_holds_finite_numbers(tmp_path: Path, arrays: dict, told: str) -> None:
    whole = {"weight": np.ones((2, 2), np.float32), "offset": np.ones(2, np.float32)}
    np.savez(tmp_path / "a.npz", source="a", target="b", **(whole | arrays))
    with pytest.raises(EncoderError, match=told):
        Adapter.load(tmp_path / "a.npz")


def test_an_adapter_that_claims_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    Adapter("a", "b", np.ones((4, 4), np.float32), np.ones(4, np.float32)).save(path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["weight.npy"] = parts["weight.npy"].replace(b"(4, 4), ", b"(4, 9999999999), ")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(EncoderError, match=r"not an adapter file"):
        Adapter.load(path)


def test_a_damaged_file_of_the_package_is_named(tmp_path: Path, monkeypatch) -> None:
    for name in ("minilm.onnx", "minilm_tokenizer.json"):
        (tmp_path / name).write_bytes((shipped.MODELS / name).read_bytes())
    content = bytearray((tmp_path / "minilm_tokenizer.json").read_bytes())
    content[1000] ^= 1
    (tmp_path / "minilm_tokenizer.json").write_bytes(content)
    monkeypatch.setattr(shipped, "MODELS", tmp_path)
    with pytest.raises(UserError, match=r"minilm_tokenizer\.json: not as it came with the package"):
        open_encoder().encode(["a man runs"])
    (tmp_path / "minilm.onnx").unlink()
    with pytest.raises(UserError, match=r"minilm\.onnx: No such file or directory"):
        open_encoder().encode(["a man runs"])
