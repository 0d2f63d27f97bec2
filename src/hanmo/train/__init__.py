"""Training (report sections 2.3 and 4): one loop, and the objectives, data and files of a run around it."""
