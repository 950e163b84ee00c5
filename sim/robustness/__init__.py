"""Hostile input, made on purpose: what the program is tried with, and what it may never do.

In: a seed. Out: prompts, later sentences, scenes, window events, datasets and model files that are
odd, damaged or as large as they may be, and the trial of each: done, or refused in one line. The
same seed gives the same input. Nothing that plays, draws or records imports it.
"""
