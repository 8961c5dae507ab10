"""Training: recipes, data, objectives and one loop, run in a child process.

Everything here runs where only torch, transformers, peft, accelerate, safetensors, tokenizers and numpy
are installed. It reads and writes files; what becomes of them (quantising, the registry) is its parent's
business.
"""
