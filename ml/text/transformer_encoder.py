"""Text encoders that are transformers with local weights: Qwen3, Qwen2.5, Nemotron and BERT-like.

Each is a ``Recipe``: the prompt around its text, and how its last states are pooled to a vector.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from entities.files import read_json
from ml.text.base import EncoderError, fingerprint

if TYPE_CHECKING:
    import torch

TASK = "Given what somebody does, retrieve the movement that it describes"
"""The instruction for a query, for models that take one."""
MAX_SIZES = {
    "hidden_size": 65_536,
    "intermediate_size": 1_000_000,
    "num_hidden_layers": 1_000,
    "num_attention_heads": 1_000,
    "vocab_size": 10_000_000,
    "max_position_embeddings": 100_000_000,
}
"""Largest sizes of a model whose directory is given: what is larger is no model but a mistake."""
BATCH = 32
MAX_TOKENS = 512
"""Longer text is truncated. A prompt of 2,000 characters has about 450 tokens."""
_FILES = ("*.safetensors", "*.bin", "*.json", "*.txt", "*/config.json")
"""Files of a directory that its vectors depend on."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is used as an encoder.

    Its text form is part of ``LanguageModel.identity``: to rename it or a field voids caches.
    """

    hub: str  # repository on the Hugging Face hub, or a directory
    dim: int
    pooling: Literal["last", "mean", "cls"]
    query: str = "{text}"  # format with {task} and {text}
    document: str = "{text}"  # likewise
    end: str = ""  # token that closes every text, if the tokenizer does not add it itself
    left: bool = False  # padding goes before the text
    bidirectional: bool = False  # a causal architecture that was trained without its mask
    least_dim: int = 0  # shortest prefix of a vector that is usable; 0: only whole vectors are
    tokens: int = MAX_TOKENS
    notice: str = ""  # see TextEncoder


def _qwen3(size: str, dim: int) -> Recipe:
    """https://huggingface.co/Qwen/Qwen3-Embedding-8B and the smaller ones of its family."""
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


def recipe_of(name: str) -> Recipe:
    """The recipe of a named encoder or of a sentence-transformers directory."""
    return RECIPES[name] if name in RECIPES else directory_recipe(Path(name))


def directory_recipe(folder: Path) -> Recipe:
    """The recipe in a sentence-transformers directory's own files; by default, mean pooling.

    Raises EncoderError for a directory without a model, or with modules that are not supported.
    """
    dim = _hidden_size(folder)
    if not (folder / "modules.json").is_file():
        return Recipe(str(folder), dim, "mean")
    pooling: Literal["last", "mean", "cls"] = "mean"
    for module in _json(folder / "modules.json", list):
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise EncoderError(f"{folder / 'modules.json'}: a module without a type")
        kind = module["type"].rsplit(".", 1)[-1]
        if kind == "Pooling":
            inner = folder / str(module.get("path", ""))
            if not inner.resolve().is_relative_to(folder.resolve()):
                raise EncoderError(f"{folder / 'modules.json'}: {inner} is outside the folder")
            pooling = _pooling(_json(inner / "config.json"), folder)
        elif kind not in ("Transformer", "Normalize"):
            raise EncoderError(
                f"{folder}: module {kind!r}; expected Transformer, Pooling or Normalize"
            )
    prompts_file = folder / "config_sentence_transformers.json"
    prompts = _json(prompts_file).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise EncoderError(f"{prompts_file}: prompts: expected texts by name")
    limit_file = folder / "sentence_bert_config.json"
    limit = _json(limit_file).get("max_seq_length") or MAX_TOKENS
    if type(limit) is not int or limit < 1:
        raise EncoderError(f"{limit_file}: max_seq_length is {limit}; expected a whole number")
    return Recipe(
        str(folder),
        dim,
        pooling,
        query=_escaped(prompts.get("query", "")) + "{text}",
        document=_escaped(prompts.get("document", "")) + "{text}",
        tokens=min(limit, MAX_TOKENS),
    )


class LanguageModel:
    """A recipe with its weights, from a local directory, the hub's cache or the hub."""

    def __init__(
        self,
        recipe: Recipe,
        weights: str | None,
        *,
        dim: int | None,
        device: str | None,
    ) -> None:
        """weights: None takes the recipe's. Otherwise as ``open_encoder``; raises EncoderError."""
        import torch

        self.recipe, self.batch = recipe, BATCH
        self.source = weights or recipe.hub
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if self.device.startswith("cuda") else torch.float32
        self.hidden = recipe.dim
        state = self.source
        folder = Path(self.source)
        if folder.is_dir():
            self.hidden = _hidden_size(folder)
            state += fingerprint([path for glob in _FILES for path in folder.glob(glob)])
        elif weights is not None and weights.startswith((".", "/", "~")):
            raise EncoderError(f"{weights}: no such directory; expected a transformers model")
        self.dim = self.hidden if dim is None else dim
        least = recipe.least_dim
        if self.dim != self.hidden and not least <= self.dim < self.hidden * bool(least):
            allowed = f"{least} to {self.hidden}" if least else str(self.hidden)
            raise EncoderError(f"{self.source}: dimension {self.dim}; expected {allowed}")
        number_type = str(self.dtype).removeprefix("torch.")
        self.identity = f"{recipe} {state} {number_type} {TASK} {self.dim}"
        self._loaded: tuple[Any, Any] | None = None

    def embed(self, texts: list[str], *, query: bool) -> np.ndarray:
        """(n, dim), prompted and pooled as the recipe says."""
        import torch

        form = self.recipe.query if query else self.recipe.document
        states, mask = self.states([form.format(task=TASK, text=text) for text in texts])
        with torch.inference_mode():
            return self._pooled(states, mask)[:, : self.dim].cpu().numpy()

    def states(self, texts: list[str]) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Last hidden states (B, T, E) of texts taken verbatim, and the attention mask (B, T)."""
        import torch

        tokenizer, model = self._load()
        ids, mask = self._tokens(tokenizer, texts)
        with torch.inference_mode():
            if not self.recipe.bidirectional:
                return model(input_ids=ids, attention_mask=mask)[0], mask
            # A mask with a row for every token is used as it is, without the causal one added.
            visible = mask[:, None, None, :].expand(-1, 1, ids.shape[1], -1)  # (B, 1, T, T)
            hidden = torch.finfo(self.dtype).min
            added = torch.zeros_like(visible, dtype=self.dtype).masked_fill(visible == 0, hidden)
            return model(input_ids=ids, attention_mask=added, use_cache=False)[0], mask

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model, loaded once. Raises EncoderError if they cannot be loaded."""
        if self._loaded is None:
            from transformers import AutoConfig, AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

            # Nemotron's files name a class that only its own code defines; its weights and results
            # are plain Llama's, so no code from the hub has to be run.
            config_class = LlamaConfig if self.recipe.bidirectional else AutoConfig
            model_class = LlamaModel if self.recipe.bidirectional else AutoModel
            try:
                tokenizer = AutoTokenizer.from_pretrained(self.source)
                config = config_class.from_pretrained(self.source)
                model, found = model_class.from_pretrained(
                    self.source,
                    config=config,
                    dtype=self.dtype,
                    attn_implementation="sdpa",
                    output_loading_info=True,
                )
                model = model.to(self.device).eval()
            except Exception as error:  # damaged files raise errors of Rust that share no base
                why = str(error).strip().splitlines() or [type(error).__name__]
                raise EncoderError(
                    f"{self.source}: the weights cannot be loaded ({why[0][:200]}); expected a "
                    f"local directory, such as NAME=DIRECTORY, or a hub id that can be reached"
                ) from error
            # What is missing is filled with random numbers; a BERT's pooler is not used here.
            missing = [name for name in found["missing_keys"] if not name.startswith("pooler.")]
            if missing:
                raise EncoderError(
                    f"{self.source}: {len(missing)} weights are missing, such as {min(missing)}"
                )
            self._loaded = tokenizer, model
        return self._loaded

    def _tokens(self, tokenizer: Any, texts: list[str]) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Ids and mask, (B, T) each, padded on the recipe's side."""
        import torch

        limit = self.recipe.tokens
        end = tokenizer.convert_tokens_to_ids(self.recipe.end) if self.recipe.end else None
        rows: list[list[int]] = tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
        if end is not None:
            rows = [row if row[-1:] == [end] else [*row[: limit - 1], end] for row in rows]
        filler = tokenizer.pad_token_id
        if filler is None:  # Llama has none; the mask hides it, whichever it is
            filler = tokenizer.eos_token_id or 0
        longest = max(map(len, rows))
        ids, mask = [], []
        for row in rows:
            empty, ones = longest - len(row), [1] * len(row)
            blank, zeros = [filler] * empty, [0] * empty
            ids.append(blank + row if self.recipe.left else row + blank)
            mask.append(zeros + ones if self.recipe.left else ones + zeros)
        return torch.tensor(ids, device=self.device), torch.tensor(mask, device=self.device)

    def _pooled(self, states: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """States (B, T, E) to vectors (B, E) float32; mask is (B, T)."""
        states, weight, left = states.float(), mask.unsqueeze(-1).float(), self.recipe.left
        if self.recipe.pooling == "mean":
            return (states * weight).sum(1) / weight.sum(1)
        if self.recipe.pooling == "cls":
            return states[:, 0] if not left else states[range(len(mask)), mask.argmax(1)]
        last = -1 if left else mask.sum(1) - 1
        return states[range(len(mask)), last]


def _pooling(config: dict[str, Any], folder: Path) -> Literal["last", "mean", "cls"]:
    """The pooling of a Pooling module's config, in its old or its new spelling."""
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
    """A prompt with its braces doubled, to be part of a format."""
    return prompt.replace("{", "{{").replace("}", "}}")


def _hidden_size(folder: Path) -> int:
    """The length of a model's states. Raises EncoderError for a folder that holds none of use."""
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{folder}: no config.json; expected a transformers model")
    config = _json(folder / "config.json")
    for name, most in MAX_SIZES.items():
        value = config.get(name, 1)
        if type(value) is not int or not 1 <= value <= most:
            raise EncoderError(
                f"{folder / 'config.json'}: {name} is {str(value)[:40]}; expected 1 to {most}"
            )
    if "hidden_size" not in config:
        raise EncoderError(f"{folder / 'config.json'}: no hidden_size; expected a text encoder")
    return config["hidden_size"]


def _json(path: Path, kind: type = dict) -> Any:
    """The content of a file, an empty one if there is none.

    Raises EncoderError if it is not JSON of that kind.
    """
    if not path.is_file():
        return kind()
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        raise EncoderError(str(error)) from error
    if not isinstance(found, kind):
        raise EncoderError(f"{path}: expected a JSON {'object' if kind is dict else 'list'}")
    return found
