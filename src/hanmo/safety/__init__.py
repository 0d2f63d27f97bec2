"""What a picture carries about where it came from."""
