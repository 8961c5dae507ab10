"""What a model is: files, formats, lineage."""
