"""Texts → scores of n-grams and of parts of words, and what they and a network add up to.

``lists`` → ``evidence`` → ``spelling`` → ``scores``; ``blend`` adds a network's. ``lbfgs`` fits both.
"""
