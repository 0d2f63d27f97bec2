"""What frozen networks say of pictures, made apart from training, stored and handed over (report section 4.1.1)."""
