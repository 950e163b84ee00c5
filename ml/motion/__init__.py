"""The motion model: datasets in, weights out, and at run time the motion of bodies.

``corpus`` turns datasets into training windows, ``model`` is the network, ``objective`` its loss
and ``weights`` its checkpoints; these are for training. ``runtime`` plays an exported model with
onnxruntime; one that did not come with the package is read by ``onnx_file`` and tried by ``trial``
first. They must not import torch, as everything that plays a scene.
"""
