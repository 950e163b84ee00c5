"""Sentences about movement, made from the words the story engine knows: a corpus for encoders."""

import numpy as np

from sim.story.language.lexicon import third_person, verbs

_WHO = (
    "a man", "a woman", "two children", "the old man", "a girl in a red shirt", "an astronaut",
    "the goalkeeper", "a dog", "a robot", "three friends", "somebody", "the waiter",
    "a tired runner",
)  # fmt: skip
_WHERE = (
    "", "", "", "in the park", "on the beach", "at night", "across the street", "to the left",
    "next to a tree", "behind the car", "on the stage", "on the moon", "in the rain", "for a while",
)  # fmt: skip
_HOW = ("", "", "", "slowly", "happily", "suddenly", "in a hurry", "with great care", "angrily")
_JOIN = (", then ", " and ", " while she ", "; after that he ")


def sentences(n: int, seed: int = 0) -> list[str]:
    """``n`` different sentences, the same for the same seed and lexicon."""
    rng = np.random.default_rng(seed)
    phrases = [phrase for verb in verbs().verbs for phrase in verb.words]
    found: dict[str, None] = {}
    while len(found) < n:
        phrase = str(rng.choice(phrases))
        parts = [str(rng.choice(_WHO)), _finite(phrase), str(rng.choice(_HOW))]
        text = " ".join(part for part in (*parts, str(rng.choice(_WHERE))) if part)
        if rng.random() < 0.3:
            text += str(rng.choice(_JOIN)) + _finite(str(rng.choice(phrases)))
        found[text] = None
    return list(found)


def _finite(phrase: str) -> str:
    first, _, rest = phrase.partition(" ")
    return f"{third_person(first)} {rest}".strip()
