"""The pipeline: a validated request, its conditions as tensors, and the run that paints."""
