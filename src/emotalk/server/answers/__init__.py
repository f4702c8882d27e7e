"""From an order to a durable request, and from the result log to its caller."""
