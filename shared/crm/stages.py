"""The stages of an opportunity: ManyChat's names, Odoo's ids. Editable data in `stage_map`; here its first fill."""

import re
import unicodedata
from typing import NamedTuple


class Stage(NamedTuple):
    """One row of the stage map."""

    manychat_name: str
    odoo_stage_id: int
    odoo_name: str


DEFAULT_STAGES = (
    Stage("Recién Suscrito (Sin Asignar)", 16, "Recién Suscrito Sin Asignar"),
    Stage("Recién suscrito Pendiente de AC", 17, "Recién Suscrito Pendiente AC"),
    Stage("Retornó en AC", 18, "Retornó en AC"),
    Stage("Comienza Atención Comercial", 19, "Comienza AC"),
    Stage("Retornó a Asesoría especializada", 20, "Retorno a AE"),
    Stage("Derivado Asesoría Médica", 21, "Derivado a AE"),
    Stage("Comienza Asesoría Médica", 22, "Comienza AE"),
    Stage("Terminó Asesoría Médica", 23, "Terminó AE"),
    Stage("No terminó Asesoría especializada", 24, "No Termino AE Derivado AC"),
    Stage("Comienza Cotización", 25, "Comienza Cotización"),
    Stage("Orden de venta Confirmada", 26, "Orden de Venta Confirmada"),
)


def stage_key(name: str) -> str:
    """`name` without case, accents, punctuation and spaces: what two spellings of one stage have in common."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "", plain).casefold()
