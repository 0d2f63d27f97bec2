"""Judging pictures (report, section 5): how well text is written, colours kept, instructions followed."""
