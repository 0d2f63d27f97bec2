"""Text on things in scenes: compositional text synthesis (report section 3.4)."""
