"""A corpus of sentences about movement, made of the lexicon's verbs, to train encoders on."""

import numpy as np

from sim.story.language.lexicon import spoken, verbs

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


def sentences(n: int) -> list[str]:
    """``n`` different sentences, a function of the lexicon alone."""
    rng = np.random.default_rng(0)
    phrases = [phrase for verb in verbs().verbs for phrase in verb.words]
    found: dict[str, None] = {}
    while len(found) < n:
        phrase = str(rng.choice(phrases))
        parts = [str(rng.choice(_WHO)), spoken(phrase), str(rng.choice(_HOW))]
        text = " ".join(part for part in (*parts, str(rng.choice(_WHERE))) if part)
        if rng.random() < 0.3:
            text += str(rng.choice(_JOIN)) + spoken(str(rng.choice(phrases)))
        found[text] = None
    return list(found)
