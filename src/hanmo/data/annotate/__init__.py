"""Annotation (report section 3.3): one pass over a picture gives its caption and what is known about it, as JSON."""
