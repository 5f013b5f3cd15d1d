"""A training in PyTorch: ``linear`` → ``network`` → ``engine``; ``reader`` only reads."""
