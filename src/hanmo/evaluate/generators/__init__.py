"""Who paints what a benchmark asks for: one small protocol (`protocol`), and what speaks it.

protocol    Generator, Order, Unpainted
pipeline    our own models
folder      pictures that another system made
endpoint    any OpenAI-compatible images endpoint
model_hash  which weights painted
"""
