"""Draws what is round the actors: sky, silhouettes, ground, grandstands, scenery, weather.

In: a stage file of assets/stages, a weather, a time of day, a seed and a Camera. Out: all of a
picture but actors and objects. Nothing here takes part in the simulation.
"""
