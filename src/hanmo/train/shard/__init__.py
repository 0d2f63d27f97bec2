"""Parallel training from outside the model: weights in shards, heads dealt out, blocks computed twice."""
