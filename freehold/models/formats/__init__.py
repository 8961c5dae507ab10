"""Files of weights: read, checked, written and turned into each other; nothing of who keeps them."""
