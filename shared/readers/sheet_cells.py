"""Cells of a CSV file that a spreadsheet may open: none runs as a formula there, and each is read in again as it was."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
QUOTE = "'"


def written(text: str) -> str:
    """A cell with this text: what a spreadsheet would take for a formula has a quote before it, however many it has already."""
    return QUOTE + text if text.lstrip(QUOTE).startswith(FORMULA) else text


def read(cell: str) -> str:
    """The text of a cell that `written` has made, or that somebody has typed into a spreadsheet in the same way."""
    return cell[1:] if cell.startswith(QUOTE) and cell.lstrip(QUOTE).startswith(FORMULA) else cell
