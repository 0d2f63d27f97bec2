"""Who judges pictures: four small protocols (`protocols`), and what speaks them.

protocols   Detector, OCR, VLM, Embedder; `Judges`, which a benchmark is given; `Unjudged`
ask         a question is asked until its answer can be used
build       the judges of a run, from its settings; what is missing is named before any picture is made
vlm         any OpenAI-compatible endpoint; local_vlm: Qwen2.5-VL here; replay: recorded answers, and recording them
ocr         RapidOCR, or a VLM that reads
detector    Mask2Former through transformers
embedder    CLIP, SigLIP, SigLIP 2, Chinese-CLIP; any vision network for pictures alone
lpips       a distance of pictures that needs a network; PSNR and SSIM are in `evaluate.fidelity`
weights     where a network lies, and which one it is
"""
