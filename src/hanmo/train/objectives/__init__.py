"""What is learned: one file per objective, which makes batches and states a loss."""
