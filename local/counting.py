"""Counts the figures of the day under way, as a job does every quarter of an hour: the demonstration's end shows them."""

from shared.watch import day_figures

if __name__ == "__main__":
    day_figures.count_today()
