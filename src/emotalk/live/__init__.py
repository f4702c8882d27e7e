"""A microphone: sound in, a face out while somebody speaks. Nothing is stored."""
