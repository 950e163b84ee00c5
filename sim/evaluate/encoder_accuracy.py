"""How well text encoders tell actions apart: the nearest action of paraphrases that are labelled.

In: encoders by name, paraphrases of every action. Out: a report in Markdown, and the vectors of
the verbs that come with the package.
"""

import time
from dataclasses import replace

import numpy as np

from entities.actions import ACTION_INDEX, ACTIONS, ActionType
from ml.text.encoders import open_encoder
from ml.text.shipped import write_checksums
from sim.story.language.lexicon import spoken, verbs
from sim.story.language.nearest import (
    LEAST_SIMILARITY,
    VECTORS,
    LexiconSpace,
    common_part,
    lexicon_space,
)

INVENTED = (
    "blorfs", "flumbs", "wugs", "zibbles", "grocks", "snarfles", "quibs", "fropes", "plindles",
    "vexmas", "drimbles", "yaxes", "klorps", "munzes", "frobnicates", "borks", "glimps", "smurgs",
    "oxidises", "depreciates", "invoices", "amortises", "legislates", "evaporates", "costs",
    "contains", "resembles", "belongs", "exceeds",
)  # fmt: skip
"""Verbs that do not exist, and verbs that nobody can act."""
SURROUNDINGS = ("", " the tree", " on the bench", " happily")
"""What follows an invented verb in a phrase."""


def save_verb_vectors() -> int:
    """Write the default encoder's vectors of all verb phrases to VECTORS; the number of phrases."""
    texts = sorted({spoken(phrase) for verb in verbs().verbs for phrase in verb.words})
    vectors = open_encoder().encode(texts)
    shared = common_part(vectors).astype(np.float32)
    kept = vectors.astype(np.float16)
    np.savez_compressed(VECTORS, texts=np.array(texts), vectors=kept, shared=shared)
    write_checksums()
    return len(texts)


def report(encoders: list[str], paraphrases: dict[str, list[str]], source: str) -> str:
    """Every encoder's accuracy on the paraphrases, as a page of the docs.

    paraphrases: by the action's name. source: the file they come from.
    """
    pairs = [(ActionType(name), text) for name, texts in paraphrases.items() for text in texts]
    parts = [_section(lexicon_space(name), pairs) for name in encoders]
    head = (
        "# Which action does a phrase mean?\n\n"
        f"{len(pairs)} paraphrases ({len(paraphrases)} actions, five each: "
        f"`{source}`) are compared with the phrases of "
        "`sim/story/language/verbs.json`. An action's similarity counts its nearest phrase and the "
        "middle of its phrases by half, "
        "after what all phrases share is taken off: their mean and the direction in which they "
        "differ most (all-but-the-top, https://arxiv.org/abs/1702.01417). "
        f"A verb that the story engine does not know is taken as the nearest one from "
        f"{LEAST_SIMILARITY:g} on, and said; below, the actor idles, and that is said. "
        "The halves and the threshold were chosen on these same phrases, so the figures flatter a "
        "little. That one direction is taken off was chosen on every second phrase, where it has "
        "75.0 % right (73.0 % with nothing taken off, 74.0 % with two directions); on the other "
        "half it has 77.9 % (74.4 %). The mean of the nearest two or three phrases, ridge "
        "regression on the phrases and whitening within actions were tried and are no better.\n\n"
        "Made by `python -m tools.embeddings benchmark [ENCODER ...]`; a directory is titled by "
        "its name (all-MiniLM-L6-v2 is the float model that minilm was made from). Encoders "
        "without weights "
        "at hand are not listed: Qwen3, Qwen2.5, Nemotron and Gemini have been run here only with "
        "random weights or against a local server, so nothing is claimed of their accuracy.\n"
    )
    return "\n".join([head, *parts])


def _section(space: LexiconSpace, pairs: list[tuple[ActionType, str]]) -> str:
    """One encoder's figures, and the paraphrases it gets wrong."""
    space = replace(space, encoder=replace(space.encoder, cache=None))  # the time is the model's
    wanted = np.array([ACTION_INDEX[action] for action, _ in pairs])
    space.similarities(["warm up"])
    start = time.process_time()
    found, _ = space.similarities([text for _, text in pairs])
    took = (time.process_time() - start) / len(pairs)
    right = found.argmax(axis=1) == wanted
    among = (np.argsort(-found, axis=1)[:, :3] == wanted[:, None]).any(axis=1)
    near = found.max(axis=1)
    invented = [verb + rest for verb in INVENTED for rest in SURROUNDINGS]
    strange, _ = space.similarities(invented)
    lines = [
        f"## {space.encoder.name}",
        "",
        "| Figure | Value |",
        "| --- | --- |",
        f"| numbers a phrase | {space.encoder.dim} |",
        f"| nearest action right | {right.mean():.1%} |",
        f"| right one among the nearest three | {among.mean():.1%} |",
        f"| right ones above the threshold | {(near[right] >= LEAST_SIMILARITY).mean():.1%} |",
        f"| wrong ones above the threshold | {(near[~right] >= LEAST_SIMILARITY).mean():.1%} |",
        f"| invented verbs ({len(invented)} phrases) above the threshold "
        f"| {(strange.max(axis=1) >= LEAST_SIMILARITY).mean():.1%} |",
        f"| time a phrase | {1e3 * took:.1f} ms, one core |",
        "",
        "Wrong, as *phrase*: wanted, got (similarity):",
        "",
    ]
    lines += [
        f"- *{text}*: {action.value}, {ACTIONS[row.argmax()].value} ({row.max():.2f})"
        for (action, text), row, ok in zip(pairs, found, right, strict=True)
        if not ok
    ]
    return "\n".join([*lines, ""])
