"""The kinds of hostility there are, and how often each is tried in a whole campaign."""

from sim.robustness import (
    commands,
    damaged_models,
    kills,
    later_sentences,
    live_scenes,
    prompts,
    scenes,
    soak,
    window_events,
)
from sim.robustness.campaign import Kind

KINDS = (
    Kind("prompts", "100 prompts", prompts.attempt, 200, 400.0),
    Kind("scenes", "scene files, valid and nearly", scenes.attempt, 1_000, 60.0),
    Kind("later", "scenes with later sentences", later_sentences.attempt, 300, 60.0),
    Kind("live", "redirected and recorded, half in the window", live_scenes.attempt, 1_000, 120.0),
    Kind("window", "500 events of a window", window_events.attempt, 100, 400.0),
    Kind("datasets", "damaged datasets to every command", commands.damaged_dataset, 1_000, 400.0,
         ready=commands.ready),
    Kind("models", "damaged model files", damaged_models.attempt, 500, 60.0, ready=commands.ready),
    Kind("files", "damaged BVH, JSON, JSONL, CSV files", commands.damaged_file, 2_000, 60.0,
         ready=commands.ready),
    Kind("flags", "odd flags to every command", commands.odd_flags, 400, 60.0,
         ready=commands.ready),
    Kind("kills", "three kills of a run that goes on", kills.attempt, 36, 900.0,
         ready=commands.ready),
    Kind("soak", "an hour of a crowd that is told things", soak.attempt, 1, 7_200.0, 4_000.0),
)  # fmt: skip
