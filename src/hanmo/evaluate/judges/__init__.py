"""The judges: each looks at a picture and says what it sees; none knows what was asked for."""
