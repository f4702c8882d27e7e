"""Where each job stands: notes in a compacted topic, and the table that is read from them."""
