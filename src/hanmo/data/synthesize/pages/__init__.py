"""Slides, posters, screens, reports and receipts from templates (report section 3.4: complex rendering)."""
