"""Who judges pictures: four small protocols (`protocols`), and what speaks them.

protocols   Detector, OCR, VLM, Embedder; `Judges`, which a benchmark is given; `Unjudged`
"""
