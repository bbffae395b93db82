"""The two small pages behind the unsubscribe link. Opening the link changes nothing: mail programs and scanners open links."""

_FRAME = """<!doctype html>
<html lang="es">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 10vh 1.5rem; font: 1.05rem/1.6 system-ui, sans-serif; color: #1f2933; background: #f4f5f7 }}
main {{ max-width: 30rem; margin: 0 auto; padding: 2rem; background: #fff; border-radius: .75rem }}
h1 {{ margin-top: 0; font-size: 1.4rem }}
button {{ padding: .7rem 1.3rem; font: inherit; font-weight: 600; color: #fff }}
button {{ background: #1a5fb4; border: 0; border-radius: .4rem }}
button:focus-visible {{ outline: 3px solid #f5a623; outline-offset: 2px }}
</style>
</head>
<body><main><h1>{title}</h1>{body}</main></body>
</html>
"""


def question() -> str:
    """Asks for a confirmation; the form goes back to the same address."""
    body = (
        "<p>Si confirmas, no volveremos a enviarte correos como el que recibiste. "
        "Los avisos de algo que tú pidas, como una cita, te seguirán llegando.</p>"
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        "<button>Sí, darme de baja</button></form>"
    )
    return _FRAME.format(title="¿No quieres más correos?", body=body)


def done() -> str:
    """Says that it is done. It may take a moment until it is applied, but it will not be lost."""
    return _FRAME.format(
        title="Listo, te dimos de baja", body="<p>No recibirás más correos como este. Puedes cerrar esta página.</p>"
    )


def bad_link() -> str:
    """The link was cut off or altered."""
    body = (
        "<p>Copia la dirección completa desde el correo e inténtalo de nuevo, o responde a ese correo y lo hacemos por ti.</p>"
    )
    return _FRAME.format(title="Este enlace está incompleto", body=body)
