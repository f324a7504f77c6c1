"""Assay: training AI models among people who don't trust each other."""

__version__ = "0.1.0"
PROTOCOL = 3
