"""Text encoders behind one call: ``open_encoder(name).encode(texts)`` gives (N, E) float32.

The default runs from ``assets/models`` without torch; the others need an extra, and weights or a
key. An encoder is named by ``NAME[@DIM][=WEIGHTS]``, such as ``qwen3-8b@1024=/models/qwen3``.
"""

import hashlib
import io
import logging
import math
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from entities.atomic_write import whole
from entities.files import read_bytes
from ml.text.base import EmbeddingModel, EncoderError, fingerprint, require
from ml.text.shipped import MODELS, read_shipped

DEFAULT = "minilm"
MINILM_DIM = 384
MINILM_TOKENS = 256
"""Word pieces that all-MiniLM-L6-v2 reads; by its model card longer text is truncated."""
MAX_DIM = 65_536
"""Numbers of a text's vector; the longest of any encoder here has 4096."""
_DAMAGED_ZIP = (
    *(OSError, EOFError, KeyError, ValueError, RuntimeError, NotImplementedError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)
"""What reading an .npz file raises that is none, or whose parts are damaged or encrypted."""
MAX_ADAPTER_BYTES = 512 << 20
"""A map from 8192 numbers to 8192 takes half of this."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Adapter:
    """A linear map from one encoder's space into another's, and the names of both."""

    source: str  # name of the encoder whose vectors it takes
    target: str  # name of the encoder into whose space it maps
    weight: np.ndarray  # (E_source, E_target) float32
    offset: np.ndarray  # (E_target,) float32

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Map vectors (N, E_source) to (N, E_target), each of length 1."""
        return _unit(vectors @ self.weight + self.offset)

    def save(self, path: Path) -> None:
        """Write it as one .npz file, creating its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part, part.open("wb") as file:
            names = {"source": self.source, "target": self.target}
            np.savez(file, **names, weight=self.weight, offset=self.offset)

    @classmethod
    def load(cls, path: Path) -> "Adapter":
        """Read a file of ``save``. Raises EncoderError if it is missing or not an adapter."""
        try:
            content = read_bytes(path, MAX_ADAPTER_BYTES)
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                arrays = {
                    name: _read_array(archive, name)
                    for name in ("source", "target", "weight", "offset")
                }
        except _DAMAGED_ZIP as error:
            why = " ".join(str(error).split())[:160]
            raise EncoderError(f"{path}: not an adapter file ({why})") from error
        weight, offset = arrays["weight"], arrays["offset"]
        if weight.ndim != 2 or offset.shape != weight.shape[1:]:
            raise EncoderError(f"{path}: weight {weight.shape} and offset {offset.shape} disagree")
        for name in ("weight", "offset"):
            if arrays[name].dtype != np.float32 or not np.isfinite(arrays[name]).all():
                raise EncoderError(f"{path}: {name}: expected finite numbers of 32 bits")
        return cls(str(arrays["source"]), str(arrays["target"]), weight, offset)


@dataclass(slots=True)
class TextEncoder:
    """An embedding model with an optional cache and an optional adapter into another space."""

    name: str
    model: EmbeddingModel
    cache: Path | None = None  # SQLite file; None caches nothing
    adapter: Adapter | None = None
    notice: str = ""  # to be shown to the user who chose it, such as its licence
    _cache_failed: bool = field(default=False, init=False)  # it is not used any more

    @property
    def dim(self) -> int:
        """E, the length of a text's vector."""
        return self.model.dim if self.adapter is None else len(self.adapter.offset)

    def encode(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        """(N, E) float32, each row of length 1.

        query: whether the texts are queries rather than documents; encoders that were trained with
        an instruction before queries get it. Raises EncoderError if the model fails.
        """
        # A lone surrogate cannot be encoded; it comes from broken files and terminals.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        keys = {text: self._key(text, query) for text in clean}
        known = self._read_cache(list(keys.values()))
        # Texts of similar length share a batch, so that little of it is padding.
        missing = sorted((t for t, k in keys.items() if k not in known), key=lambda t: (len(t), t))
        for start in range(0, len(missing), self.model.batch):
            chunk = missing[start : start + self.model.batch]
            vectors = self._validated(self.model.embed(chunk, query=query), len(chunk))
            fresh = dict(zip((keys[text] for text in chunk), vectors, strict=True))
            self._write_cache(fresh)
            known |= fresh
        found = np.zeros((len(clean), self.model.dim), np.float32)
        for row, text in enumerate(clean):
            found[row] = known[keys[text]]
        return found if self.adapter is None else self.adapter.apply(found)

    def with_adapter(self, adapter: Adapter) -> "TextEncoder":
        """The same encoder with its vectors mapped into another's space.

        Raises EncoderError if the adapter was fitted to another encoder.
        """
        if adapter.source != self.name or len(adapter.weight) != self.model.dim:
            raise EncoderError(
                f"the adapter is for {adapter.source!r} with {len(adapter.weight)} numbers; "
                f"expected {self.name!r} with {self.model.dim}"
            )
        return replace(self, adapter=adapter)

    def _validated(self, vectors: np.ndarray, n: int) -> np.ndarray:
        vectors = np.asarray(vectors, np.float32)
        if vectors.shape != (n, self.model.dim):
            raise EncoderError(
                f"{self.name}: answered {vectors.shape}; expected {(n, self.model.dim)}"
            )
        if not np.isfinite(vectors).all() or not np.abs(vectors).max(axis=1).all():
            raise EncoderError(f"{self.name}: answered numbers that are no direction")
        return _unit(vectors)

    def _key(self, text: str, query: bool) -> bytes:
        kind = "query" if query else "document"
        return hashlib.sha256("\0".join((self.model.identity, kind, text)).encode()).digest()

    def _read_cache(self, keys: list[bytes]) -> dict[bytes, np.ndarray]:
        if self.cache is None or self._cache_failed or not self.cache.is_file():
            return {}
        found: dict[bytes, np.ndarray] = {}
        with self._cache_errors(), closing(sqlite3.connect(self.cache, timeout=5.0)) as database:
            for key in keys:
                row = database.execute(
                    "SELECT vector FROM vectors WHERE key = ?", (key,)
                ).fetchone()
                if row is None or type(row[0]) is not bytes or len(row[0]) != 4 * self.model.dim:
                    continue
                vector = np.frombuffer(row[0], "<f4")
                # What a damaged cache holds is encoded again.
                if abs(float(np.linalg.norm(vector)) - 1.0) < 1e-3:
                    found[key] = vector
        return found

    def _write_cache(self, vectors: dict[bytes, np.ndarray]) -> None:
        if self.cache is None or self._cache_failed:
            return
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with self._cache_errors():
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.cache, timeout=5.0)) as database, database:
                database.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) "
                    "WITHOUT ROWID"
                )
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _cache_errors(self) -> Iterator[None]:
        """A cache that fails is reported once and not used again: it costs time, not the result."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            log.warning("%s: embeddings are not cached: %s", self.cache, error)
            self._cache_failed = True


class MiniLM:
    """all-MiniLM-L6-v2 as the int8 ONNX file of ``assets/models``."""

    def __init__(self) -> None:
        self.files = MODELS / "minilm.onnx", MODELS / "minilm_tokenizer.json"
        for path in self.files:
            if not path.is_file():
                raise EncoderError(f"{path}: missing; it comes with the package")
        self.identity = f"minilm {fingerprint(list(self.files))}"
        self.dim = MINILM_DIM
        # Activations are quantised by the range of the whole batch: only a text encoded alone
        # always gets the same vector. For short sentences this costs little time.
        self.batch = 1
        self._run: Callable[[str], np.ndarray] | None = None

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, 384); queries and documents are treated alike.

        Raises UserError if a file is damaged.
        """
        if self._run is None:
            self._run = self._load()
        return np.stack([self._run(text) for text in texts])

    def _load(self) -> Callable[[str], np.ndarray]:
        import onnxruntime
        from tokenizers import Tokenizer

        model, words = (read_shipped(path.name) for path in self.files)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(model, options, providers)
        tokenizer = Tokenizer.from_buffer(words)
        tokenizer.no_padding()
        tokenizer.enable_truncation(MINILM_TOKENS)

        def run(text: str) -> np.ndarray:
            ids = np.array([tokenizer.encode(text).ids], np.int64)  # (1, tokens)
            feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            return session.run(None, feed)[0][0]

        return run


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The parts of ``NAME[@DIM][=WEIGHTS]``."""

    name: str
    dim: int | None = None
    weights: str | None = None

    @classmethod
    def parse(cls, text: str) -> "EncoderSpec":
        """Split the text. Raises EncoderError for neither an encoder's name nor a directory."""
        if Path(text).is_dir():
            return cls(text, weights=text)
        front, _, weights = text.partition("=")
        name, at, dim = front.partition("@")
        if name not in ENCODERS:
            raise EncoderError(
                f"unknown encoder {text!r}; expected a directory of a sentence-transformers "
                f"model or one of {', '.join(ENCODERS)}"
            )
        if at and not (dim.isascii() and dim.isdigit() and 0 < int(dim[:9]) <= MAX_DIM):
            allowed = f"a whole number up to {MAX_DIM} after @, such as {name}@768"
            raise EncoderError(f"{text[:80]!r}: expected {allowed}")
        return cls(name, int(dim) if at else None, weights or None)


ENCODERS = (
    DEFAULT, "qwen3-8b", "qwen3-4b", "qwen3-0.6b", "gemini", "qwen2.5-1.5b", "nemotron-8b",
)  # fmt: skip
"""The named encoders; any sentence-transformers directory can be used as well."""


def open_encoder(
    text: str = DEFAULT,
    *,
    cache: Path | None = None,
    device: str | None = None,
) -> TextEncoder:
    """Open the encoder given as ``NAME[@DIM][=WEIGHTS]`` or as a directory.

    cache: a file that keeps vectors from run to run (``default_cache()`` is the usual one); None
    for no cache. device: such as "cpu" or "cuda:1"; None is the GPU if there is one.
    Raises EncoderError, in one line, if an extra, a key or weights are missing.
    """
    spec = EncoderSpec.parse(text)
    if spec.name == DEFAULT:
        if spec.dim not in (None, MINILM_DIM) or spec.weights:
            raise EncoderError(f"{text!r}: {DEFAULT} has {MINILM_DIM} numbers and its own weights")
        return TextEncoder(text, MiniLM(), cache)
    if spec.name == "gemini":
        require("google.genai", "embed", "gemini")
        from ml.text.gemini import Gemini

        return TextEncoder(text, Gemini.from_environment(spec.dim, spec.weights), cache)
    require("torch", "embed", spec.name)
    require("transformers", "embed", spec.name)
    from ml.text.transformer_encoder import LanguageModel, recipe_of

    recipe = recipe_of(spec.name)
    model = LanguageModel(recipe, spec.weights, dim=spec.dim, device=device)
    return TextEncoder(text, model, cache, notice=recipe.notice)


def into_default(encoder: TextEncoder, adapters: Path) -> TextEncoder:
    """The encoder with its vectors mapped into the default one's space, where motion was learned.

    adapters: the folder ``tools.fit_adapter`` writes to. Raises EncoderError if it has none for
    this encoder.
    """
    if encoder.name == DEFAULT:
        return encoder
    path = adapters / adapter_file(encoder.name)
    if not path.is_file():
        raise EncoderError(
            f"no adapter for {encoder.name!r}; fit one with: "
            f"python -m tools.fit_adapter '{encoder.name}'"
        )
    return encoder.with_adapter(Adapter.load(path))


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of an .npz file, whose size is known before its memory is taken.

    Raises ValueError, or KeyError for none of that name.
    """
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_ADAPTER_BYTES:
        raise ValueError(f"{name} is larger than {MAX_ADAPTER_BYTES >> 20} MiB")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0}.get(version)
        if read_header is None:
            raise ValueError(f"{name} has the format {version}; expected (1, 0)")
        shape, _, dtype = read_header(stream)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > info.file_size:
            raise ValueError(f"{name} claims {shape} of {dtype}; has {info.file_size} bytes")
    with archive.open(info) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def adapter_file(name: str) -> str:
    """The file name of an encoder's adapter: readable, and unique by a digest of the name."""
    readable = "".join(c if c.isalnum() or c in "-._@" else "_" for c in name)[-60:]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.npz"


def default_cache() -> Path:
    """The file in which commands keep vectors from run to run."""
    return _home() / "embeddings.sqlite"


def default_adapters() -> Path:
    """The folder in which commands keep fitted adapters."""
    return _home() / "adapters"


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, E) scaled to length 1, as float32."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)


def _home() -> Path:
    return Path.home() / ".cache" / "stride"
