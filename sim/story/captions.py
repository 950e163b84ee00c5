"""Captions over time: which clause of an actor's caption describes which stretch of the scene.

A caption names one action after the other, "a man walks to the bench, then sits down, then
waves"; the actor's actions give the times. Where the two do not match in number, the clauses are
made of the actions' own verbs. A later sentence is in force for those that it has do something.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from entities.actions import ActionType
from entities.scene import Actor, Scene
from sim.story.language.lexicon import spoken, verb_for
from sim.story.later_sentences import parse_event

Clauses = list[tuple[float, str]]
"""(t s, text), sorted; a clause is in force from its time until the next. The first is at 0, or
when a later sentence brings the actor on stage."""

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


def clauses_in_force(scene: Scene) -> list[Clauses]:
    """Each actor's clauses and later sentences; the first sentence ends the caption's clauses."""
    found = []
    for actor, later in zip(scene.actors, event_clauses(scene), strict=True):
        clauses = clauses_of(actor) if actor.brought_by is None else []
        if later:
            clauses = [clause for clause in clauses if clause[0] < later[0][0]]
        found.append([*clauses, *later])
    return found


def event_clauses(scene: Scene) -> list[Clauses]:
    """What later sentences have each actor do, that which brings it on stage included.

    Actors that a sentence is for and that it does not name have it as it is; others have what it
    says of them.
    """
    found: dict[str, Clauses] = {actor.id: [] for actor in scene.actors}
    for k, event in enumerate(scene.events):
        for name, text in _said(_Question.of(scene, k)).items():
            if name in found:
                found[name].append((event.t, text))
    return [sorted(found[actor.id]) for actor in scene.actors]


def tasks_of(scene: Scene) -> list[str]:
    """Each actor's whole caption, later sentences included."""
    tasks = []
    for actor, clauses in zip(scene.actors, event_clauses(scene), strict=True):
        later = [text for _, text in clauses]
        if actor.brought_by is not None:
            later = later[1:]  # its caption says it
        tasks.append(", then ".join([caption_of(actor), *later]))
    return tasks


@dataclass(frozen=True, slots=True)
class _Question:
    """A later sentence, and who and what was on stage: all that its answer depends on."""

    text: str
    actor: str | None
    t: float
    cast: tuple[tuple[str, str | None, str], ...]  # id, role, type
    things: tuple[tuple[str | None, str], ...]
    scene: Scene = field(compare=False)

    @classmethod
    def of(cls, scene: Scene, k: int) -> "_Question":
        """The question of the k-th event.

        Things that other events have brought are left out: when the events are read beforehand,
        they are not there yet, and the answer must be the same then.
        """
        event = scene.events[k]
        when = [(e.t, i) for i, e in enumerate(scene.events)]
        actors = [a for a in scene.actors if a.brought_by is None or when[a.brought_by] < when[k]]
        objects = [item for item in scene.objects if item.brought_by is None]
        return cls(
            event.text,
            event.actor,
            event.t,
            tuple((a.id, a.role, a.actor_type.value) for a in actors),
            tuple((item.id, item.object_type.value) for item in objects),
            scene.model_copy(update={"actors": actors, "objects": objects, "events": []}),
        )


@lru_cache(maxsize=512)
def _said(question: _Question) -> dict[str, str]:
    """What a later sentence has actors do, by id."""
    text, scene = question.text, question.scene
    try:
        told = parse_event(text, scene, question.actor, question.t)
    except ValueError:  # with everybody where they began it says nothing
        return {actor.id: text for actor in scene.actors if question.actor in (None, actor.id)}
    return {patch.actor: patch.caption for patch in told.patches if patch.caption}


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
