"""Units to clauses: who does what, where, how and when in relation to the clause before."""

from dataclasses import replace

from sim.story.language.clauses import (
    Clause,
    begins_clause,
    caption_verb,
    contrast,
    describes,
    goes_too,
    head_follows,
    is_heading,
    is_link,
    is_verb,
    manner_here,
    prep_here,
    resized,
    said_of_it,
    second_verb,
    verb_ahead,
)
from sim.story.language.lexicon import verbs
from sim.story.language.phrases import Noun, read_noun, starts_noun
from sim.story.language.reading import Unit

_GO_ON = ("then", "and", "before", "while")
"""Links after which an unknown verb may have the same subject: "runs, then yodels"."""
_AFTERWARDS = ("before", "after", "until", "when")
_BESIDE = ("behind", "front", "next", "left_of", "right_of")
_STANDS_IN = ("does", "do", "did", "will", "would", "can", "could", "should", "must", "may")
_PERCEPTION = ("looking_around", "catching")


class Parser:
    """Reads the units of a text once, left to right, and cuts them into clauses.

    Each method reads the unit at ``i`` and returns the index of the next unread one.
    """

    def __init__(self, units: list[Unit], raw: list[str]) -> None:
        self.units, self.raw = units, raw
        self.clauses: list[Clause] = []
        self.now = Clause()
        self.prep: str | None = None
        self.front: str | None = None  # "after" of "after he sits, she runs"
        self.holding: Noun | None = None  # the last noun phrase; what follows may describe it
        self.unknown: list[str] = []  # words that were not understood
        self.stage: list[Noun] = []  # objects and places named outside any clause

    def run(self) -> list[Clause]:
        """The clauses, in the order of the text."""
        i = 0
        while i < len(self.units):
            i = self.take(i)
        self.close("")
        return self.clauses

    def take(self, i: int) -> int:
        """Read the unit at ``i``, whatever it is; returns the next unread one."""
        unit, now = self.units[i], self.now
        if unit.get("stop"):
            self.close(".")
            self.front = None
            return i + 1
        if reading := unit.get("say"):
            now.say = reading.value or None
            return i + 1
        if unit.get("comma"):
            return self.comma(i)
        if is_verb(self.units, i, self.now, self.prep):
            return self.verb(i)
        for kind in ("delay", "for", "at", "metres", "repeat"):
            if reading := unit.get(kind):
                self.timing(kind, reading.value)
                return i + 1
        if unit.get("rel") and (self.holding is not None or self.now.subject):
            return self.relative(i)
        if unit.text == "followed by" and self.now.was and self.now.verb is None:
            self.now.verb = next(v for v in verbs().verbs if v.words[0] == "follow")
            self.now.form, self.now.words, self.prep = "ed", ["follows"], "by"
            return i + 1
        if (reading := unit.get("link")) and is_link(self.units, i, self.now):
            return self.link(i, reading.value)
        return self.detail(i)

    def detail(self, i: int) -> int:
        """Read a unit that adds a detail to the current clause."""
        unit, now = self.units[i], self.now
        if unit.get("wearing"):
            return self.wearing(i + 1)
        if (reading := unit.get("begin")) and verb_ahead(self.units, i + 1):
            return i + 1
        if (reading := unit.get("cease")) and verb_ahead(self.units, i + 1):
            now.cease = True
            now.refuses = unit.text.startswith("refus")
            return i + 1
        if unit.get("neg") and (j := contrast(self.units, i, now, self.stage)):
            return j
        if unit.get("neg") and not (unit.text == "without" and starts_noun(self.units, i + 1)):
            now.negated = True
            return i + 1
        after_det = self.prep is None and now.verb is None and not now.subject
        if (reading := unit.get("manner")) and manner_here(self.units, i, reading.value, now):
            now.manners.append(reading.value)
            self.keep_words(unit)
            return i + 1
        if (reading := unit.get("dir")) and self.prep is None and not unit.any("det", "role"):
            beside = self.holding or (now.subject[-1] if now.subject else None)
            if unit.text.startswith("on the ") and beside is not None and beside.acts:
                beside.side = reading.value[0]
            else:
                now.direction = reading.value
            self.keep_words(unit)
            return i + 1
        if (reading := unit.get("prep")) and prep_here(self.units, i, now):
            self.prep = reading.value
            self.keep_words(unit)
            return i + 1
        if (reading := unit.get("weather") or unit.get("daytime")) and not head_follows(
            self.units, i
        ):
            self.prep = None
            self.keep_words(unit)
            return i + 1
        if (reading := unit.any("speed", "style")) and not describes(self.units, i, now, self.prep):
            if reading.kind == "speed":
                now.speed = reading.value
            else:
                now.style = reading.value
            self.keep_words(unit)
            return i + 1
        if unit.get("aux") and not unit.get("pron"):
            if unit.text in ("is", "are", "was", "were", "gets", "got", "been", "being", "be"):
                now.was = True
            now.helped = now.helped or unit.text in _STANDS_IN
            return i + 1
        noun, j = read_noun(self.units, i)
        if noun is not None and (after_det or self.prep or noun.kind != "unknown" or j > i + 1):
            self.noun(noun, i, j)
            return max(j, i + 1)
        if j > i and noun is None:
            return j
        return self.unknown_word(i)

    def unknown_word(self, i: int) -> int:
        """An unknown word: taken as the verb where one is due, else noted as not understood."""
        unit, now = self.units[i], self.now
        if unit.get("unknown") or unit.get("name"):
            word = unit.text
            verbal = word.endswith(("s", "ing", "ed")) or not verb_ahead(self.units, i + 1)
            carried = now.bare and bool(self.clauses) and now.link in _GO_ON and word[-1] == "s"
            due = now.subject or carried
            if due and now.verb is None and now.unknown_verb is None and verbal:
                now.unknown_verb, now.words = word, [word]
            else:
                self.unknown.append(word)
        elif unit.get("verb") and not unit.get("filler"):
            self.unknown.append(unit.text)
        elif unit.get("hint"):
            now.topic = unit.text
        self.prep = None if unit.get("unknown") else self.prep
        return i + 1

    def verb(self, i: int) -> int:
        """Set the clause's verb, or begin the clause that a second verb needs."""
        unit, reading = self.units[i], self.units[i].get("verb")
        now = self.now
        light = bool(now.words) and now.words[0] in verbs().light and self.units[i - 1].get("det")
        if now.verb is not None and light and now.verb is not reading.value:
            now.verb, now.form = reading.value, reading.form  # "gives him a high five"
            now.words = [caption_verb(self.raw, unit, reading.form)]
            return i + 1
        if now.verb is not None or now.unknown_verb is not None:
            person = now.objects[-1] if now.objects and now.objects[-1].acts else None
            adjacent = self.holding is not None and self.holding is person
            seen = now.verb is not None and now.verb.action in _PERCEPTION
            gerund = reading.form == "ing"
            infinitive = self.units[i - 1].text == "to"
            if person is not None and adjacent and (seen or reading.form in ("s",)):
                now.objects.pop()
                self.close("while")
                self.now.subject = [person]
            elif gerund and not infinitive:
                last = self.holding
                plain = not self.units[i - 1].any("comma", "link", "filler", "dir", "manner")
                self.close("while")
                if last is not None and plain and last.kind in ("role", "group"):
                    who = replace(last, definite=True, where=[], props=[], part=0)
                    self.now.subject = [who]  # "waves at the woman sitting on the bench"
            else:
                self.close("then")
            now = self.now
        now.verb, now.form = reading.value, reading.form
        self.prep, self.holding = None, None
        now.words = [caption_verb(self.raw, unit, reading.form)]
        if now.was and unit.text.endswith(" by"):
            self.prep = "by"  # "is passed by a cyclist"
        return i + 1

    def noun(self, noun: Noun, i: int, j: int) -> None:
        """Put the noun phrase of units ``i`` to ``j`` in its place in the clause."""
        now = self.now
        self.keep_words_of(i, j)
        if noun.kind == "wear":
            if self.holding is not None:
                self.holding.color = noun.color or self.holding.color
            self.prep = None
            return
        relation, self.prep = self.prep, None
        if resized(self.units, j, noun, self.clauses, now):
            return
        if relation == "between" and noun.many and not noun.counted:
            noun.count = 2
        now.negated = now.negated or self.units[i].text in ("none of the", "neither of the")
        theme = self.units[min(j, len(self.units)) - 1].get("theme")
        theme = theme if noun.kind in ("thing", "role") else None
        if theme and (relation in ("in", "at", "of") or (relation and j == i + 1)):
            noun.kind, noun.key = "theme", theme.value  # "in the hospital", "in class"
        if noun.kind == "color":
            fights = now.verb is not None and now.verb.frame in ("pair", "strike", "chase")
            if now.verb is not None and not fights:
                return
            noun.kind, noun.key, noun.word, noun.definite = "role", "person", "person", True
        if relation == "except":
            now.excepted.append(noun)
            self.holding = noun
            return
        if relation == "of" and now.bare and noun.kind == "role":
            now.subject.append(noun)  # "of the ten runners, three stop"
            return self.close(",")
        if relation == "with" and noun.kind in ("thing",) and self.holding and now.verb is None:
            self.holding.props.append(noun)
            return
        acts = now.verb or now.unknown_verb
        vague = self.units[i].get("quantity") and acts  # "some sick moves"
        if relation == "without" or (noun.key == "count" and (relation == "in" or vague)):
            return
        if noun.kind == "theme" and relation != "across":
            self.stage.append(noun)
            if relation in ("to", "toward", "through", "from") and now.verb is not None:
                now.places.append((relation, noun))
            return
        if relation is None:
            if said_of_it(now, noun):
                return
            if now.verb is None and now.unknown_verb is None:
                now.subject.append(noun)
            else:
                now.objects.append(noun)
        elif not acts and now.subject and not now.was and relation != "by":
            if relation in ("of",) or (relation == "with" and noun.kind == "unknown"):
                pass  # "the girl with the ponytail"
            elif relation == "with" and noun.acts:
                now.subject.append(noun)
            else:
                now.subject[-1].where.append((relation, noun))
            return
        elif relation in _BESIDE and noun.kind == "pron" and self.holding and self.holding.acts:
            self.holding.where.append((relation, noun))  # "to the woman behind him"
            return
        elif relation == "of" and self.holding is None and now.verb is not None:
            now.objects.append(noun)  # "takes a picture of the house"
        elif relation not in ("of", "than", "like", "without"):
            now.places.append((relation, noun))
        self.holding = noun

    def comma(self, i: int) -> int:
        """A comma, which joins nouns or separates clauses."""
        self.prep = None
        now = self.now
        j = i + 1
        if self.units[i].text == ":" and not self.clauses and is_heading(self.units, j, now):
            self.now = Clause()
            return j
        if now.bare or j >= len(self.units):
            return j
        if self.units[j].get("link") and is_link(self.units, j, self.now):
            return j
        if self.front is not None and (now.verb or now.cease):
            self.close(self.front)
            self.front = None
            return j
        if second_verb(self.units, j, now):
            self.close("then")
            return self.verb(j)
        if verb_ahead(self.units, j):
            if now.verb is not None or now.unknown_verb is not None:
                gerund = self.units[j].get("verb")
                self.close("while" if gerund and gerund.form == "ing" else "then")
            return j
        acts = now.verb is not None or now.unknown_verb is not None or now.was
        k = j + (self.units[j].text in ("only", "just", "even") and starts_noun(self.units, j + 1))
        begins = starts_noun(self.units, k) and begins_clause(self.units, k)
        if acts and (begins or goes_too(self.units, j, now)):
            self.close(",")
        return j

    def link(self, i: int, kind: str) -> int:
        """A conjunction, which joins nouns, or ends the clause and links the next one."""
        now, j = self.now, i + 1
        self.prep = None
        while (
            kind == "and"
            and j < len(self.units)
            and (follow := self.units[j].get("link"))
            and is_link(self.units, j, self.now)
        ):
            kind, j = follow.value, j + 1  # "and then"
        if kind == "and":
            listed = j < len(self.units) and second_verb(self.units, j, now)
            if listed:
                self.close("and")
                return self.verb(j)
            noun = starts_noun(self.units, j) and not begins_clause(self.units, j)
            if noun and not now.bare and not goes_too(self.units, j, now):
                return self.join_noun(j)
            if now.bare:
                return j
            if now.verb is not None or now.unknown_verb or now.cease or now.was or now.say:
                self.close("and")
            return j
        if now.bare or (now.verb is None and not now.unknown_verb and not now.subject):
            if kind in ("then", "and", "meanwhile"):
                now.link = kind if now.link in ("", ".", ",", "and", "then") else now.link
            else:
                self.front = "then" if kind in _AFTERWARDS else kind
                now.link = "front_" + kind
            return j
        if now.verb is None and not now.unknown_verb and kind in ("then", "meanwhile"):
            return j
        self.close(kind)
        return j

    def join_noun(self, j: int) -> int:
        """Put the noun after "and" where the noun before it went."""
        noun, k = read_noun(self.units, j)
        if noun is None:
            return j
        now = self.now
        self.keep_words_of(j - 1, k)
        if now.verb is None and now.unknown_verb is None:
            if now.subject and now.subject[-1].where and self.holding is None:
                relation = now.subject[-1].where[-1][0]
                if relation == "between":
                    now.subject[-1].where.append((relation, noun))
                    return k
            if noun.kind == "wear":
                return k
            now.subject.append(noun)
        elif self.holding is not None and now.places and now.places[-1][1] is self.holding:
            now.places.append((now.places[-1][0], noun))
        elif noun.kind == "theme":
            self.stage.append(noun)
        else:
            now.objects.append(noun)
        self.holding = noun
        return k

    def relative(self, i: int) -> int:
        """A relative pronoun: a clause of its own, with the last noun as its subject, begins."""
        if self.holding is not None and self.now.verb is not None:
            who = self.holding
            if who in self.now.excepted and who.kind == "pron":
                who = Noun("pron", "spared", who.word)
            self.close("while")
            self.now.subject = [replace(who, definite=True, where=[], props=[])]
        return i + 1

    def timing(self, kind: str, value: float) -> None:
        """A time, a distance or a repetition of the clause."""
        if kind == "delay" and self.now.verb is not None:
            self.close("then")
        self.now.take_time(kind, value)
        self.prep = None

    def close(self, link: str) -> None:
        """End the current clause, if it says anything; ``link`` joins the next one to it."""
        now, self.prep, self.holding = self.now, None, None
        if not now.bare:
            self.clauses.append(now)
            self.now = Clause(link=link)
        elif link:
            now.negated = now.helped = now.was = False  # "but can't" says no more
            now.link = link if now.link in ("", ".", ",") else now.link

    def wearing(self, i: int) -> int:
        """Clothes, of which only the colour is kept."""
        noun, j = read_noun(self.units, i)
        target = self.holding or (self.now.subject[-1] if self.now.subject else None)
        if noun is not None and target is not None:
            target.color = noun.color or target.color
        if self.now.verb is None:
            self.now.was = False
        return max(j, i)

    def keep_words(self, unit: Unit) -> None:
        """Add a unit's own words to the clause's caption, once it has a verb."""
        if self.now.words:
            self.now.words.extend(self.raw[unit.start : unit.end])

    def keep_words_of(self, i: int, j: int) -> None:
        """Add the words of units ``i`` to ``j`` to the clause's caption."""
        for unit in self.units[i:j]:
            self.keep_words(unit)
