"""Who may come in, how much they may bring, and what of it is counted."""
