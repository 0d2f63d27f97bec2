"""The engine: one denoising loop, guidance, and what can be computed before the first step."""
