"""Derivatives and batching as functions from graphs to graphs, closed under composition."""
