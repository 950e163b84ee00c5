"""Text encoders that are transformers with local weights: Qwen3, Qwen2.5, Nemotron, BERT's kin.

Each is a ``Recipe``: how its text is dressed, and which of its last states are the text's vector.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ml.text.encoders import EncoderError, fingerprint

if TYPE_CHECKING:
    import torch

BATCH = 32
MAX_TOKENS = 512
"""Longer text is cut. A prompt of 2,000 characters has about 450 tokens."""
_FILES = ("*.safetensors", "*.bin", "*.json", "*.txt", "*/config.json")
"""What the vectors of a directory depend on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model becomes an encoder. ``query`` is a format with {task} and {text}."""

    hub: str
    dim: int
    pooling: Literal["last", "mean", "cls"]
    query: str = "{text}"
    document: str = "{text}"
    end: str = ""  # token that closes every text, if the tokenizer does not add it itself
    left: bool = False  # padding goes before the text
    bidirectional: bool = False  # a causal architecture that was trained without its mask
    least_dim: int = 0  # 0: its vectors cannot be cut shorter
    tokens: int = MAX_TOKENS
    notice: str = ""


def _qwen3(size: str, dim: int) -> Recipe:
    """https://huggingface.co/Qwen/Qwen3-Embedding-8B and its smaller sisters."""
    return Recipe(
        hub=f"Qwen/Qwen3-Embedding-{size}",
        dim=dim,
        pooling="last",
        query="Instruct: {task}\nQuery:{text}",
        end="<|endoftext|>",
        left=True,
        least_dim=32,
    )


RECIPES: dict[str, Recipe] = {
    "qwen3-8b": _qwen3("8B", 4096),
    "qwen3-4b": _qwen3("4B", 2560),
    "qwen3-0.6b": _qwen3("0.6B", 1024),
    "qwen2.5-1.5b": Recipe("Qwen/Qwen2.5-1.5B-Instruct", 1536, "mean"),
    "nemotron-8b": Recipe(  # https://huggingface.co/nvidia/llama-embed-nemotron-8b
        hub="nvidia/llama-embed-nemotron-8b",
        dim=4096,
        pooling="mean",
        query="Instruct: {task}\nQuery: {text}",
        left=True,
        bidirectional=True,
        notice="nemotron-8b: its licence allows research only, no commercial use",
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of a named encoder or of a sentence-transformers directory."""
    return RECIPES[name] if name in RECIPES else directory_recipe(Path(name))


def directory_recipe(folder: Path) -> Recipe:
    """What a sentence-transformers directory says of itself; without that, mean pooling.

    Raises EncoderError for a directory without a model, or with parts that are not known here.
    """
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{folder}: no config.json; expected a transformers model")
    dim = int(_json(folder / "config.json").get("hidden_size", 0))
    if not (folder / "modules.json").is_file():
        return Recipe(str(folder), dim, "mean")
    pooling: Literal["last", "mean", "cls"] = "mean"
    for module in _json(folder / "modules.json"):
        kind = str(module["type"]).rsplit(".", 1)[-1]
        if kind == "Pooling":
            pooling = _pooling(_json(folder / module["path"] / "config.json"), folder)
        elif kind not in ("Transformer", "Normalize"):
            raise EncoderError(
                f"{folder}: module {kind!r}; expected Transformer, Pooling or Normalize"
            )
    prompts = _json(folder / "config_sentence_transformers.json").get("prompts", {})
    limit = _json(folder / "sentence_bert_config.json").get("max_seq_length") or MAX_TOKENS
    return Recipe(
        str(folder),
        dim,
        pooling,
        query=_escaped(prompts.get("query", "")) + "{text}",
        document=_escaped(prompts.get("document", "")) + "{text}",
        tokens=min(int(limit), MAX_TOKENS),
    )


class LanguageModel:
    """A recipe with its weights: a local directory, or what the hub's cache or the hub has."""

    def __init__(
        self,
        how: Recipe,
        weights: str | None,
        *,
        dim: int | None,
        task: str,
        device: str | None,
        dtype: str | None,
    ) -> None:
        import torch

        self.how, self.task, self.batch = how, task, BATCH
        self.source = weights or how.hub
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        kind = dtype or ("bfloat16" if self.device.startswith("cuda") else "float32")
        self.dtype = getattr(torch, kind, None)
        if not isinstance(self.dtype, torch.dtype) or not self.dtype.is_floating_point:
            raise EncoderError(f"dtype {kind!r}; expected float32, bfloat16 or float16")
        self.hidden = how.dim
        state = self.source
        folder = Path(self.source)
        if folder.is_dir():
            if not (folder / "config.json").is_file():
                raise EncoderError(f"{folder}: no config.json; expected a transformers model")
            self.hidden = int(_json(folder / "config.json").get("hidden_size", how.dim))
            state += fingerprint([path for glob in _FILES for path in folder.glob(glob)])
        elif weights is not None and weights.startswith((".", "/", "~")):
            raise EncoderError(f"{weights}: no such directory; expected a transformers model")
        self.dim = self.hidden if dim is None else dim
        if self.dim != self.hidden and not how.least_dim <= self.dim < self.hidden * bool(
            how.least_dim
        ):
            allowed = f"{how.least_dim} to {self.hidden}" if how.least_dim else str(self.hidden)
            raise EncoderError(f"{self.source}: dimension {self.dim}; expected {allowed}")
        self.identity = f"{how} {state} {kind} {task} {self.dim}"
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, dim) on the recipe's terms."""
        import torch

        form = self.how.query if query else self.how.document
        states, mask = self.states([form.format(task=self.task, text=text) for text in texts])
        with torch.inference_mode():
            return self._pooled(states, mask)[:, : self.dim].cpu().numpy()

    def states(self, texts: list[str]) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Last states (B, T, E) of texts as they are, and which of them are text (B, T)."""
        import torch

        tokenizer, model = self._load()
        ids, mask = self._tokens(tokenizer, texts)
        with torch.inference_mode():
            if not self.how.bidirectional:
                return model(input_ids=ids, attention_mask=mask)[0], mask
            # A mask with a row for every token is taken as it is, without the causal one on top.
            seen = mask[:, None, None, :].expand(-1, 1, ids.shape[1], -1)  # (B, 1, T, T)
            hidden = torch.finfo(self.dtype).min
            both_ways = torch.zeros_like(seen, dtype=self.dtype).masked_fill(seen == 0, hidden)
            return model(input_ids=ids, attention_mask=both_ways, use_cache=False)[0], mask

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model. Raises EncoderError if they cannot be had."""
        if self._loaded is None:
            from transformers import AutoConfig, AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

            # Nemotron's files name a class that only its own code has; its weights and its numbers
            # are plain Llama's, so that code from a hub need not be run.
            config_class = LlamaConfig if self.how.bidirectional else AutoConfig
            model_class = LlamaModel if self.how.bidirectional else AutoModel
            try:
                tokenizer = AutoTokenizer.from_pretrained(self.source)
                config = config_class.from_pretrained(self.source)
                model = model_class.from_pretrained(
                    self.source, config=config, dtype=self.dtype, attn_implementation="sdpa"
                )
                model = model.to(self.device).eval()
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                why = str(error).strip().splitlines() or [type(error).__name__]
                raise EncoderError(
                    f"{self.source}: the weights cannot be loaded ({why[0][:200]}); expected a "
                    f"local directory, such as NAME=DIRECTORY, or a hub id that can be reached"
                ) from error
            self._loaded = tokenizer, model
        return self._loaded

    def _tokens(self, tokenizer: Any, texts: list[str]) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Ids and mask, (B, T) each, padded on the recipe's side."""
        import torch

        limit = self.how.tokens
        end = tokenizer.convert_tokens_to_ids(self.how.end) if self.how.end else None
        rows: list[list[int]] = tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
        if end is not None:
            rows = [row if row[-1:] == [end] else [*row[: limit - 1], end] for row in rows]
        filler = tokenizer.pad_token_id
        if filler is None:  # Llama has none; the mask hides whatever stands there
            filler = tokenizer.eos_token_id or 0
        longest = max(map(len, rows))
        ids, mask = [], []
        for row in rows:
            empty, ones = longest - len(row), [1] * len(row)
            blank, zeros = [filler] * empty, [0] * empty
            ids.append(blank + row if self.how.left else row + blank)
            mask.append(zeros + ones if self.how.left else ones + zeros)
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)

    def _pooled(self, states: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """(B, T, E) to (B, E) float32."""
        states, weight = states.float(), mask.unsqueeze(-1).float()
        if self.how.pooling == "mean":
            return (states * weight).sum(1) / weight.sum(1)
        if self.how.pooling == "cls":
            return states[:, 0] if not self.how.left else states[range(len(mask)), mask.argmax(1)]
        last = -1 if self.how.left else mask.sum(1) - 1
        return states[range(len(mask)), last]


def _pooling(config: dict[str, Any], folder: Path) -> Literal["last", "mean", "cls"]:
    """What a Pooling module's config asks for, in the old and the new spelling."""
    named = {"mean": "mean", "cls": "cls", "lasttoken": "last", "last_token": "last"}
    modes = [
        name
        for name in ("cls_token", "mean_tokens", "lasttoken", "max_tokens",
                     "mean_sqrt_len_tokens", "weightedmean_tokens")
        if config.get(f"pooling_mode_{name}")
    ]  # fmt: skip
    asked = config.get("pooling_mode") or "+".join(modes)
    asked = str(asked).replace("mean_tokens", "mean").replace("cls_token", "cls")
    if asked not in named:
        raise EncoderError(f"{folder}: pooling {asked!r}; expected mean, cls or lasttoken")
    return named[asked]  # type: ignore[return-value]


def _escaped(prompt: str) -> str:
    """A prompt of a file as part of a format."""
    return prompt.replace("{", "{{").replace("}", "}}")


def _json(path: Path) -> Any:
    """Raises EncoderError if the file is there but is not JSON; {} if it is not there."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EncoderError(f"{path}: not JSON ({error})") from error
