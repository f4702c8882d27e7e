"""How this queue speaks to brokers: settings, topics, reading, writing, errors."""
