"""What a model is asked: prompt, examples and metric of each task."""
