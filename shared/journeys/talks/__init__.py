"""Talking flows: journeys whose steps come one after another, ask, read the answer, and branch by it.

`definition` is what a file may say, `run` goes from step to step, `answers` reads a reply, `replies` finds the question that
a reply belongs to, `waits` ends the wait for one. `shared.journeys.talking` is the interface for flows in code.
"""
