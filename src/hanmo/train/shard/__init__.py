"""Parallel training from outside the model: weights in shards, heads and tokens dealt out, blocks computed twice."""
