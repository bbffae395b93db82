"""How programs, templates and people write that there is no value; all but the placeholders as `signs.folded` writes them."""

from shared.readers.regex import regex

TYPED = frozenset(
    [
        "n/a",
        "n.a.",
        "n.a",
        "n/d",
        "n.d.",
        "s/n",
        "s/c",
        "s/d",
        "s/a",
        "s/t",
        "s.n.",
        "na",
        "nd",
        "no aplica",
        "no disponible",
        "no especificado",
        "no especificada",
        "no especifica",
        "no tiene",
        "no tengo",
        "no hay",
        "no se",
        "no sabe",
        "no asignado",
        "no asignada",
        "no proporcionado",
        "no proporciona",
        "no indicado",
        "no definido",
        "no registrado",
        "no registra",
        "ninguno",
        "ninguna",
        "nenhum",
        "nenhuma",
        "nada",
        "vacio",
        "vazio",
        "desconocido",
        "desconocida",
        "desconhecido",
        "unknown",
        "not set",
        "not available",
        "not applicable",
        "not provided",
        "not specified",
        "unassigned",
        "not assigned",
        "nobody",
        "nadie",
        "ninguem",
        "nao atribuido",
        "nao atribuida",
        "nao informado",
        "nao informada",
        "nao se aplica",
        "nao tem",
        "nao tenho",
        "nao definido",
        "nao ha",
        "no answer",
        "em branco",
        "en blanco",
        "blank",
        "empty",
        "no data",
        "no email",
        "no phone",
        "no name",
        "por asignar",
        "por definir",
        "por confirmar",
        "pendiente",
        "pendente",
        "tbd",
        "false",
        "none",
        "null",
        "undefined",
        "nan",
        "nil",
    ]
)
TYPED_WITH = regex(
    r"(?:sin|sem|without|no) (?:apellidos?|nombres?|correos?|e-?mails?|telefonos?|celular|numeros?|datos?|asignar|asignacion|especificar|"
    r"definir|informacion|empresa|compania|fuente|canal|origen|servicio|asesor|registro|valor|sobrenome|nome|telefone|celular|atribuir|"
    r"atribuicao|informacoes|empresa|origem|respuesta|direccion)"
)
PROGRAM = frozenset(
    {"null", "undefined", "nan", "nil", "none", "(null)", "<null>", "<nil>", "<none>", "<undefined>", "<empty>", "<unset>"}
)
PROGRAM_NAMES = frozenset(
    {"null", "NULL", "undefined", "Undefined", "UNDEFINED", "NaN", "nan", "NAN", "nil", "NIL", "NONE", "none"}
)
NAMES_OF_PEOPLE = frozenset(
    {"na", "nada", "nd", "s/a", "false", "none", "null", "nan", "nil", "undefined"}
)  # judged by their spelling
NO_COUNTRY = frozenset({"false", "xx", "zz", "--", "zzz", "xxx"})
PLACEHOLDER = regex(
    r"=?\{\{\{?[^{}]*\}\}\}?"  # ManyChat, HubSpot, n8n, Make, Handlebars, Resend
    r"|\{%[^{}]*%\}|<%[^<>]*%>"  # Jinja, Liquid, ERB
    r"|\*\|[^|]*\|\*"  # Mailchimp
    r"|[@$#]\{[^{}]*\}"  # Power Automate, shells, Java, Ruby
    r"|\{![^{}]*\}"  # Salesforce
    r"|%%?[A-Za-z][A-Za-z0-9_.:\-]*%%?(?!\w)"  # ActiveCampaign, Marketing Cloud
    r"|\{[A-Za-z_][\w.\-]*\}|\[\[[^\[\]]*\]\]|\[[A-Z][A-Z0-9_]+\]|<<[^<>]*>>"  # format strings, mail merge
)
