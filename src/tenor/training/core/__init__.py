"""A training in the compiled core: layer → network → engine."""
