"""Jobs: what is asked, what is answered, and what is tried again."""

from emotalk.jobs.job import DeadLetter, Failure, Job, Part

__all__ = ["DeadLetter", "Failure", "Job", "Part"]
