"""Synthetic pictures (report section 3.4, pure rendering): cards with text, captions, pairs for editing."""
