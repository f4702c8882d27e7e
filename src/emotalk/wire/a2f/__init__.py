"""The generated messages of Audio2Face-3D; `wire/audio2face.py` reads and makes them."""
