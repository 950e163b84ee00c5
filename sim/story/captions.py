"""Captions over time: which clause of an actor's caption describes which stretch of the scene.

A caption names one action after the other, "a man walks to the bench, then sits down, then
waves"; the actor's actions give the times. Where the two do not match in number, the clauses are
made of the actions' own verbs.
"""

import re
from itertools import pairwise

from entities.actions import ActionType
from entities.scene import Actor, Scene
from sim.story.language.lexicon import spoken, verb_for

Clauses = list[tuple[float, str]]
"""(t s, text), sorted; a clause is in force from its time until the next. The first is at 0."""

_THEN = re.compile(r",? and then |, then |; then ")


def clauses_of(actor: Actor) -> Clauses:
    """The clauses of an actor's caption, each with the time of the action it describes."""
    starts = _stretches(actor)
    said = _texts(actor)
    doing = [start for start in starts if start[1] is not ActionType.IDLE]
    if len(said) == len(starts):
        texts = said
    elif len(said) == len(doing):  # captions leave out standing still
        rest = iter(said)
        texts = [
            verb_of(action) if action is ActionType.IDLE else next(rest) for _, action in starts
        ]
    elif len(said) == 1:  # one phrase for it all, such as "plays soccer"
        texts, starts = said, starts[:1]
    else:
        texts = [verb_of(action) for _, action in starts]
    return [
        (t if i else 0.0, text) for i, ((t, _), text) in enumerate(zip(starts, texts, strict=True))
    ]


def caption_of(actor: Actor) -> str:
    """The actor's caption, or one made of its actions where the scene gives none."""
    if actor.caption.strip():
        return actor.caption
    texts = [verb_of(action) for _, action in _stretches(actor)]
    if len(texts) > 1 and actor.actions[-1][1] is ActionType.IDLE:  # standing still at the end
        texts.pop()
    return f"a {actor.actor_type.value} {', then '.join(texts)}"


def clauses_in_force(scene: Scene, row: int) -> Clauses:
    """An actor's clauses and later sentences; the first sentence ends the caption's clauses."""
    later = event_clauses(scene, row)
    clauses = clauses_of(scene.actors[row])
    if later:
        clauses = [clause for clause in clauses if clause[0] < later[0][0]]
    return [*clauses, *later]


def event_clauses(scene: Scene, row: int) -> Clauses:
    """The later sentences for an actor, those for everybody included."""
    names = (None, scene.actors[row].id)
    return sorted((event.t, event.text) for event in scene.events if event.actor in names)


def verb_of(action: ActionType) -> str:
    """An action in words: RUN gives "runs"."""
    return spoken(verb_for(action).words[0])


def _stretches(actor: Actor) -> list[tuple[float, ActionType]]:
    """The start of each of the actor's actions, without repetitions."""
    steps = actor.actions or [(0.0, ActionType.IDLE)]
    return [*steps[:1], *[new for old, new in pairwise(steps) if new[1] is not old[1]]]


def _texts(actor: Actor) -> list[str]:
    """The caption's clauses without their subject."""
    first, *rest = _THEN.split(actor.caption.strip())
    words = first.split()
    name = re.sub(r"_\d+$", "", actor.id).replace("_", " ").split()[-1].lower()
    begin = next((i + 1 for i, word in enumerate(words) if word.lower() == name), 1)
    verb = next((i for i in range(begin, len(words)) if re.fullmatch(r"\w*[^s\W]s", words[i])), 0)
    clause = " ".join(words[verb:])
    return [text for text in (clause, *rest) if text]
