"""The worker: takes requests from the log, one at a time, in order."""
