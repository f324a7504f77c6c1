"""The rules of Assay: pure functions over bytes, integers and NumPy arrays. Knows no file, socket, clock, chain or model."""
