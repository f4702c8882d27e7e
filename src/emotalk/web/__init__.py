"""The web gateway: HTTP and WebSocket in front of the gRPC service.

Speaks to the server only through `emotalk.client`, so it makes every promise that the service makes.
"""
