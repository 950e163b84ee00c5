"""Turns of phrase that only set right what a clause has said already."""

from dataclasses import replace

from sim.story.language.clauses import Clause, begins_clause, verb_ahead
from sim.story.language.phrases import Noun, read_noun, starts_noun
from sim.story.language.reading import Unit


def contrast(units: list[Unit], i: int, now: Clause, stage: list[Noun]) -> int | None:
    """The unit after "not the blue one" in "goes to the red box, not the blue one".

    A thing that is not meant stands on the stage all the same. None where "not" denies the deed.
    """
    j = i + 1 + (i + 1 < len(units) and units[i + 1].get("prep") is not None)
    denied = units[i].text == "not" and units[i - 1].any("comma", "link") is not None
    if not (i and denied and now.verb is not None) or not starts_noun(units, j):
        return None
    noun, k = read_noun(units, j)
    if noun is None or begins_clause(units, j) or verb_ahead(units, j):
        return None
    meant = [*now.objects, *(place for _, place in now.places)]
    if noun.kind == "pron" and noun.key == "one" and meant and meant[-1].kind == "thing":
        noun = replace(meant[-1], color=noun.color, size=noun.size, definite=True)
    if noun.kind == "thing":
        stage.append(noun)
    return k


def resized(units: list[Unit], j: int, noun: Noun, clauses: list[Clause], now: Clause) -> bool:
    """Whether a noun only says how many each team has: "red against blue, 4 people each"."""
    if not noun.counted or j >= len(units) or units[j].text != "each":
        return False
    told = [n for clause in [*clauses, now] for n in (*clause.subject, *clause.objects) if n.teams]
    for team in told:
        team.count = noun.count * team.teams
    return bool(told)
