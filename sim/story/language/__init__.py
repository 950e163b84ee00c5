"""Text to clauses: what a sentence says, before anybody is on stage.

In: the text of a prompt. Out: a list of Clause, each with its subject, verb, objects and places.
``reading`` cuts the text into units with all their readings, ``grammar`` cuts units into clauses,
``ellipsis`` fills in what clauses leave out, ``nearest`` replaces unknown verbs by meaning.
The vocabulary is the JSON files here, ``lexicon`` is their schema.
Knows no actors, places or times, and imports nothing from staging.
"""
