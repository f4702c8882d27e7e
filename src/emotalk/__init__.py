"""EmoTalk API: speech audio in, a moving face out."""
