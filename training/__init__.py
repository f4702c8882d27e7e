"""The recipe of the built-in engine's network: data, training, export, scores. See training/README.md."""
