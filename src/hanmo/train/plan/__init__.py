"""What a run takes, and what is missing for it, before its first step: memory, operations, seconds, files."""
