"""Which words are in force when: an actor's caption, cut into clauses at the times of his actions.

A caption says one deed after the other, "a man walks to the bench, then sits down, then waves";
his actions say when each begins. Where the two do not match, the actions' own verbs serve.
"""

import re
from itertools import pairwise

from entities.actions import ActionType
from entities.scene import Actor, Scene
from sim.story.language.lexicon import third_person, verbs

Clauses = list[tuple[float, str]]
"""Sorted; a clause is in force from its time, in seconds, until the next. The first is at 0."""

_THEN = re.compile(r",? and then |, then |; then ")


def clauses_of(actor: Actor) -> Clauses:
    """What an actor's caption says of each stretch of time."""
    starts = _stretches(actor)
    said = _deeds(actor)
    doing = [start for start in starts if start[1] is not ActionType.IDLE]
    if len(said) == len(starts):
        texts = said
    elif len(said) == len(doing):  # standing still between and after them goes without saying
        deeds = iter(said)
        texts = [
            verb_of(action) if action is ActionType.IDLE else next(deeds) for _, action in starts
        ]
    elif len(said) == 1:  # one phrase for it all, such as "plays soccer"
        texts, starts = said, starts[:1]
    else:
        texts = [verb_of(action) for _, action in starts]
    return [
        (t if i else 0.0, text) for i, ((t, _), text) in enumerate(zip(starts, texts, strict=True))
    ]


def caption_of(actor: Actor) -> str:
    """The actor's caption, or one made of his actions where the scene gives none."""
    if actor.caption.strip():
        return actor.caption
    deeds = [verb_of(action) for _, action in _stretches(actor)]
    if len(deeds) > 1 and actor.actions[-1][1] is ActionType.IDLE:  # the rest at the end
        deeds.pop()
    return f"a {actor.actor_type.value} {', then '.join(deeds)}"


def told(scene: Scene, row: int) -> Clauses:
    """An actor's clauses; the first later sentence that is meant for him ends those he had."""
    later = later_of(scene, row)
    clauses = clauses_of(scene.actors[row])
    if later:
        clauses = [clause for clause in clauses if clause[0] < later[0][0]]
    return [*clauses, *later]


def later_of(scene: Scene, row: int) -> Clauses:
    """The later sentences that are meant for an actor."""
    names = (None, scene.actors[row].id)
    return sorted((event.t, event.text) for event in scene.events if event.actor in names)


def verb_of(action: ActionType) -> str:
    """ "runs", of RUN."""
    words = next(verb for verb in verbs().verbs if verb.action is action).words[0]
    first, _, rest = words.partition(" ")
    return f"{third_person(first)} {rest}".strip()


def _stretches(actor: Actor) -> list[tuple[float, ActionType]]:
    """When each of his actions begins, without repetitions."""
    steps = actor.actions or [(0.0, ActionType.IDLE)]
    return [*steps[:1], *[new for old, new in pairwise(steps) if new[1] is not old[1]]]


def _deeds(actor: Actor) -> list[str]:
    """The caption's clauses without who does them."""
    first, *rest = _THEN.split(actor.caption.strip())
    words = first.split()
    name = re.sub(r"_\d+$", "", actor.id).replace("_", " ").split()[-1].lower()
    begin = next((i + 1 for i, word in enumerate(words) if word.lower() == name), 1)
    verb = next((i for i in range(begin, len(words)) if re.fullmatch(r"\w*[^s\W]s", words[i])), 0)
    deed = " ".join(words[verb:])
    return [text for text in (deed, *rest) if text]
