"""Generation: datasets made from a seed.

In: a recipe (seed, seconds). Out: episodes with captions and clauses, and a manifest. A scene is a
function of the recipe and its number alone, so no draw may depend on what was made before.
"""
