"""Sphinx: pages in Markdown, a reference from the docstrings, warnings are errors (make docs)."""

from __future__ import annotations

import importlib.metadata

project = "tflite-bench"
author = "The tflite-bench authors"
version = release = importlib.metadata.version("tflite-bench")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Building needs TensorFlow, and its reference does not.
autodoc_mock_imports = ["tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"]

nitpicky = False
html_theme = "furo"
html_title = "tflite-bench"
# A page that `bench run -o page.html` wrote.
html_extra_path = ["../reports/example.html"]
