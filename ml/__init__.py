"""Text embeddings, motion data and the motion model: how motion is measured, stored and learned.

Comes in: sentences, recorded episodes, BVH files. Goes out: vectors of texts, measures of motion,
datasets, trained models and the motion they generate. ``python -m ml.train`` trains a model and
``python -m ml.export`` writes it as ONNX.

Nothing here knows of the simulation. Torch is imported by ``train``, ``export``, the modules
``model``, ``objective`` and ``weights`` of ``ml.motion``, the optional encoders and the
export of MiniLM in ``ml.text``; never by what plays a scene. Imports go: text, measure <- episodes
<- capture <- motion <- train, export.
"""
