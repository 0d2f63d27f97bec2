"""The data engine (report section 3): what a model is trained on, and where it comes from."""
