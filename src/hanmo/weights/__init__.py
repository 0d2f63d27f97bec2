"""Checkpoint folders: finding, reading, checking and writing them.

A Hanmo model is a folder in the published layout (`model_index.json` and one folder per component). This
package knows files, names and shapes; it knows nothing of sampling or pipelines.
"""
