"""Meetings: somebody asks for one, an hour is found that suits all, it is booked, and everybody is told."""
