"""The model of report section 2: MSRoPE, the double-stream MMDiT, the VAE, the condition encoder, packing.

Single-device code that reads as the equations. It knows nothing of files, samplers, guidance or pipelines.
"""
