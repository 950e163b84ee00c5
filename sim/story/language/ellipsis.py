"""Ellipsis: what clauses leave out, as in "runs to the tree, then to the car"."""

from dataclasses import replace

from entities.actions import ActionType
from entities.objects import ObjectType
from sim.story.language.clauses import Clause
from sim.story.language.lexicon import verb_for
from sim.story.language.phrases import Noun

_TRANSITIVE = ("send", "take", "haul")
_ON_FOOT = (ActionType.WALK, ActionType.RUN, ActionType.JOG, ActionType.SPRINT)
"""Actions of verbs that are also said of riders: "goes", "races"."""


def completed(clauses: list[Clause]) -> list[Clause]:
    """Clauses with what they leave out filled in from their neighbours.

    "to the tree, then to the car" repeats the verb, "after eating, he runs" the subject.
    """
    done: list[Clause] = []
    for k, clause in enumerate(clauses):
        before = done[-1] if done else None
        after = clauses[k + 1] if k + 1 < len(clauses) else None
        ahead_of = not done and len(clause.subject) == 1 and clause.subject[0].kind == "pron"
        subject = after.subject if after is not None and clause.link.startswith("front_") else []
        if subject and (not clause.subject or (ahead_of and subject[0].kind != "pron")):
            clause = replace(clause, subject=after.subject)
            again = [replace(n, definite=True) for n in after.subject]
            clauses[k + 1] = replace(after, subject=again)
        if before is not None and _passive_goes_on(clause, before):
            by = [(r, replace(n, definite=True)) for r, n in before.places if r == "by"]
            own = any(r == "by" for r, _ in clause.places)
            again = [replace(n, definite=True) for n in before.subject]
            clause = replace(
                clause, subject=again, places=[*clause.places, *([] if own else by)]
            )  # fmt: skip
        if _elided(clause, before):
            again = [replace(n, definite=True) for n in before.objects]
            places = [(r, replace(n, definite=True)) for r, n in before.places]
            goes = bool(clause.places or clause.direction)
            clause = replace(
                clause, verb=before.verb, form=before.form, words=list(before.words[:1]),
                objects=[] if goes else again, places=clause.places if goes else places,
                manners=list(before.manners),
                direction=clause.direction if goes else before.direction,
            )  # fmt: skip
        if clause.negated and not clause.subject and before is not None and not before.places:
            before.places.extend(clause.places)  # "runs, not walks, to the car"
            clause = replace(clause, places=[])
        going = clause.places or clause.direction or clause.manners or clause.metres
        mute = clause.verb is None and clause.unknown_verb is None and not clause.subject
        if mute and going and before is not None and before.verb is not None:
            said = [before.words[0], *clause.words] if before.words else clause.words
            clause = replace(clause, verb=before.verb, form=before.form, words=said)
        shared = after is not None and after.link == "and" and not after.subject and after.verb
        takes = clause.verb is not None and clause.verb.frame in _TRANSITIVE
        if shared and takes and not clause.objects and clause.link != "until":
            pronoun = Noun("pron", "n", "it")
            if after.objects and after.objects[0].kind == "thing" and not after.objects[0].definite:
                clause = replace(clause, objects=after.objects[:1])
                clauses[k + 1] = replace(after, objects=[pronoun, *after.objects[1:]])
        verb = before.verb if before is not None else None
        if (
            verb is not None
            and clause.link == "until"
            and clause.verb is not None
            and clause.verb.relation == "to"
            and clause.objects
            and (not clause.subject or clause.subject[0].kind == "pron")
            and verb.frame == "move"
        ):
            before.places.extend(("to", noun) for noun in clause.objects)
            before.words.extend(["to", "it"])
            continue
        done.append(clause)
    return done


def mounted(clause: Clause) -> Clause:
    """A clause of going somewhere on a bicycle or a horse, as one of riding it."""
    verb = clause.verb
    if verb is None or verb.frame != "move" or verb.action not in _ON_FOOT or clause.negated:
        return clause
    pairs = [(noun.where, pair) for noun in clause.subject for pair in noun.where]
    for where, (relation, steed) in [*pairs, *((clause.places, pair) for pair in clause.places)]:
        if relation != "on" or steed.key not in (ObjectType.BICYCLE, "horse", "pony"):
            continue
        where.remove((relation, steed))
        goal = verb.relation if verb.relation in ("to", "past", "around", "across") else None
        places = [(goal, noun) for noun in clause.objects] if goal else []
        ride = verb_for(ActionType.RIDE)
        return replace(clause, verb=ride, objects=[steed], places=[*places, *clause.places])
    return clause


def _passive_goes_on(clause: Clause, before: Clause) -> bool:
    """Whether both clauses are passive: in "is chased by two cops and gets tackled" by the same."""
    passive = [c.was and c.form in ("ed", "en") and c.verb is not None for c in (before, clause)]
    return all(passive) and bool(before.subject) and not clause.subject


def _elided(clause: Clause, before: Clause | None) -> bool:
    """Whether a clause takes its verb from the one before: "but she will", "the dog does not"."""
    if before is None or before.verb is None or not clause.subject:
        return False
    goes = (clause.direction or clause.places) and clause.link in (",", "and")
    if goes and before.verb.frame == "move" and (before.direction or before.places):
        return clause.verb is None and clause.unknown_verb is None and not clause.was
    helped = clause.helped or (clause.was and before.was and clause.style is None)
    says = clause.verb or clause.unknown_verb or clause.places or clause.direction or clause.cease
    return helped and not (says or clause.manners or clause.say or clause.objects)
