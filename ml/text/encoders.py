"""Text encoders behind one call: ``open_encoder(name).encode(texts)`` gives (N, E) float32.

The default runs from ``assets/models`` without torch; the others need an extra, and weights or a
key. All are opened by a line ``NAME[@DIM][=WEIGHTS]``, such as ``qwen3-8b@1024=/models/qwen3``.
"""

import hashlib
import importlib.util
import logging
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np

DEFAULT = "minilm"
TASK = "Given what somebody does, retrieve the movement that it describes"
"""What encoders that take an instruction are told about a query."""
MINILM_DIM = 384
MINILM_TOKENS = 256
"""Word pieces all-MiniLM-L6-v2 reads; its card says that longer text is cut."""

log = logging.getLogger(__name__)


class EncoderError(ValueError):
    """An encoder that cannot be had or did not answer; the message is one line."""


class Model(Protocol):
    """What turns text into vectors. Opening one checks what it needs; loading waits for ``embed``.

    identity: what the vectors depend on beside the text; the cache is keyed by it.
    """

    identity: str
    dim: int
    batch: int

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, dim), of any length; n is at most ``batch``."""
        ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """A linear map from one encoder's space into another's, with what it was fitted on."""

    source: str  # name of the encoder it is fed from
    target: str  # name of the one whose space it leads to
    weight: np.ndarray  # (E_source, E_target) float32
    offset: np.ndarray  # (E_target,) float32

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """(N, E_source) to (N, E_target), of length 1."""
        return _unit(vectors @ self.weight + self.offset)

    def save(self, path: Path) -> None:
        """As one .npz file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            names = {"source": self.source, "target": self.target}
            np.savez(file, **names, weight=self.weight, offset=self.offset)

    @classmethod
    def load(cls, path: Path) -> "Adapter":
        """Raises EncoderError if the file is missing or is no adapter."""
        try:
            with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
                part = {
                    name: np.lib.format.read_array(archive.open(f"{name}.npy"), allow_pickle=False)
                    for name in ("source", "target", "weight", "offset")
                }
        except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
            raise EncoderError(f"{path}: not an adapter file ({error})") from error
        weight, offset = part["weight"], part["offset"]
        if weight.ndim != 2 or offset.shape != weight.shape[1:]:
            raise EncoderError(f"{path}: weight {weight.shape} and offset {offset.shape} disagree")
        return cls(str(part["source"]), str(part["target"]), weight, offset)


@dataclass(slots=True)
class TextEncoder:
    """One way to turn texts into vectors, with its cache."""

    name: str
    model: Model
    cache: Path | None = None
    adapter: Adapter | None = None
    notice: str = ""  # what whoever chooses it has to know, such as its licence
    _refused: bool = field(default=False, init=False)  # the cache could not be used

    @property
    def dim(self) -> int:
        """E, the numbers a text becomes."""
        return self.model.dim if self.adapter is None else len(self.adapter.offset)

    def encode(self, texts: list[str], *, query: bool = False) -> np.ndarray:
        """(N, E) float32, each row of length 1.

        query: the texts ask rather than answer; encoders that were trained with an instruction
        before queries get it. Raises EncoderError if a model, a key or an answer fails.
        """
        # Half of a surrogate pair is in no encoding; it comes from broken files and terminals.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        keys = {text: self._key(text, query) for text in clean}
        known = self._recall(list(keys.values()))
        # Texts of like length share a batch, so that little of it is padding.
        missing = sorted((t for t, k in keys.items() if k not in known), key=lambda t: (len(t), t))
        for start in range(0, len(missing), self.model.batch):
            chunk = missing[start : start + self.model.batch]
            vectors = self._checked(self.model.embed(chunk, query=query), len(chunk))
            fresh = dict(zip((keys[text] for text in chunk), vectors, strict=True))
            self._remember(fresh)
            known |= fresh
        found = np.zeros((len(clean), self.model.dim), np.float32)
        for row, text in enumerate(clean):
            found[row] = known[keys[text]]
        return found if self.adapter is None else self.adapter.apply(found)

    def into(self, adapter: Adapter) -> "TextEncoder":
        """The same encoder with its vectors mapped into another's space."""
        if adapter.source != self.name or len(adapter.weight) != self.model.dim:
            raise EncoderError(
                f"the adapter is for {adapter.source!r} with {len(adapter.weight)} numbers; "
                f"expected {self.name!r} with {self.model.dim}"
            )
        return replace(self, adapter=adapter)

    def _checked(self, vectors: np.ndarray, n: int) -> np.ndarray:
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

    def _recall(self, keys: list[bytes]) -> dict[bytes, np.ndarray]:
        if self.cache is None or self._refused or not self.cache.is_file():
            return {}
        found: dict[bytes, np.ndarray] = {}
        with self._careful(), closing(sqlite3.connect(self.cache, timeout=5.0)) as base:
            for key in keys:
                row = base.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                if row is not None and len(row[0]) == 4 * self.model.dim:
                    found[key] = np.frombuffer(row[0], "<f4")
        return found

    def _remember(self, vectors: dict[bytes, np.ndarray]) -> None:
        if self.cache is None or self._refused:
            return
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        with self._careful():
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.cache, timeout=5.0)) as base, base:
                base.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) "
                    "WITHOUT ROWID"
                )
                base.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _careful(self) -> Iterator[None]:
        """A cache that cannot be used costs time, not the result: said once, then left alone."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            log.warning("%s: embeddings are not cached: %s", self.cache, error)
            self._refused = True


class MiniLM:
    """all-MiniLM-L6-v2 as the int8 ONNX file of ``assets/models``."""

    def __init__(self) -> None:
        folder = Path(str(resources.files("assets"))) / "models"
        self.files = folder / "minilm.onnx", folder / "minilm_tokenizer.json"
        for path in self.files:
            if not path.is_file():
                raise EncoderError(f"{path}: missing; it comes with the package")
        self.identity = f"minilm {fingerprint(list(self.files))}"
        self.dim = MINILM_DIM
        # Activations are quantised by the range of the whole batch: only alone does a text always
        # get the same vector. Short sentences lose little by it.
        self.batch = 1
        self._run: Callable[[str], np.ndarray] | None = None

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, 384); queries and documents are alike to it."""
        if self._run is None:
            self._run = self._load()
        return np.stack([self._run(text) for text in texts])

    def _load(self) -> Callable[[str], np.ndarray]:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(str(self.files[0]), options, providers)
        tokenizer = Tokenizer.from_file(str(self.files[1]))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MINILM_TOKENS)

        def run(text: str) -> np.ndarray:
            ids = np.array([tokenizer.encode(text).ids], np.int64)  # (1, tokens)
            feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            return session.run(None, feed)[0][0]

        return run


@dataclass(frozen=True, slots=True)
class Choice:
    """What ``NAME[@DIM][=WEIGHTS]`` asks for."""

    name: str
    dim: int | None = None
    weights: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Choice":
        """Raises EncoderError for a name that is neither an encoder nor a directory."""
        if Path(text).is_dir():
            return cls(text, weights=text)
        front, _, weights = text.partition("=")
        name, at, dim = front.partition("@")
        if name not in ENCODERS:
            raise EncoderError(
                f"unknown encoder {text!r}; expected a directory of a sentence-transformers "
                f"model or one of {', '.join(ENCODERS)}"
            )
        if at and not (dim.isascii() and dim.isdigit() and int(dim) > 0):
            raise EncoderError(f"{text!r}: expected a whole number after @, such as {name}@768")
        return cls(name, int(dim) if at else None, weights or None)


ENCODERS = (
    DEFAULT, "qwen3-8b", "qwen3-4b", "qwen3-0.6b", "gemini", "qwen2.5-1.5b", "nemotron-8b",
)  # fmt: skip
"""The encoders with a name; any sentence-transformers directory is one as well."""


def open_encoder(
    text: str = DEFAULT,
    *,
    cache: Path | None = None,
    task: str = TASK,
    device: str | None = None,
    dtype: str | None = None,
) -> TextEncoder:
    """The encoder that ``NAME[@DIM][=WEIGHTS]`` or a directory means.

    cache: a file in which vectors are kept from run to run (``default_cache()`` is the usual one);
    None keeps none. task: the instruction for queries. device: such as "cpu" or "cuda:1"; None is
    the GPU if there is one. dtype: such as "float32"; None is bfloat16 on a GPU, else float32.
    Raises EncoderError, in one line, if an extra, a key or weights are missing.
    """
    choice = Choice.parse(text)
    if choice.name == DEFAULT:
        if choice.dim not in (None, MINILM_DIM) or choice.weights:
            raise EncoderError(f"{text!r}: {DEFAULT} has {MINILM_DIM} numbers and its own weights")
        return TextEncoder(text, MiniLM(), cache)
    if choice.name == "gemini":
        require("google.genai", "embed", "gemini")
        from ml.text.gemini import Gemini

        return TextEncoder(text, Gemini.from_environment(choice.dim, choice.weights), cache)
    require("torch", "embed", choice.name)
    require("transformers", "embed", choice.name)
    from ml.text.language_model import LanguageModel, recipe

    how = recipe(choice.name)
    model = LanguageModel(
        how, choice.weights, dim=choice.dim, task=task, device=device, dtype=dtype
    )
    return TextEncoder(text, model, cache, notice=how.notice)


def into_default(encoder: TextEncoder, adapters: Path) -> TextEncoder:
    """An encoder whose vectors lie in the default one's space, where motion was learned.

    adapters: the folder ``tools.fit_adapter`` writes to. Raises EncoderError if none was fitted.
    """
    if encoder.name == DEFAULT:
        return encoder
    path = adapters / adapter_file(encoder.name)
    if not path.is_file():
        raise EncoderError(
            f"no adapter for {encoder.name!r}; fit one with: "
            f"python -m tools.fit_adapter '{encoder.name}'"
        )
    return encoder.into(Adapter.load(path))


def adapter_file(name: str) -> str:
    """What an encoder's adapter is called."""
    plain = "".join(c if c.isalnum() or c in "-._@" else "_" for c in name)[-60:]
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.npz"


def default_cache() -> Path:
    """Where vectors are kept from run to run."""
    return _home() / "embeddings.sqlite"


def default_adapters() -> Path:
    """Where fitted adapters are kept."""
    return _home() / "adapters"


def fingerprint(files: list[Path]) -> str:
    """Changes when any of the files does; reads none of them."""
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(sorted(stats)).encode()).hexdigest()[:16]


def require(module: str, extra: str, name: str) -> None:
    """Raises EncoderError if an optional package is not installed."""
    try:
        missing = importlib.util.find_spec(module) is None
    except ModuleNotFoundError:  # of the package that the module is in
        missing = True
    if missing:
        package = module.replace(".", "-")
        raise EncoderError(
            f"{name} needs {package}, which is not installed; "
            f"expected: pip install 'stride-sim[{extra}]'"
        )


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(length, 1e-12)).astype(np.float32)


def _home() -> Path:
    return Path.home() / ".cache" / "stride"
