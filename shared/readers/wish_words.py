"""Words and sentences by which people ask for messages to stop, to start, or for help, in Spanish, Portuguese and English.

All of them as `wish.plain_words` writes a text: lower case, without accents, signs and emoji, hurried spellings written out.
"""

from shared.readers.regex import regex


def _set(text: str) -> frozenset[str]:
    return frozenset(" ".join(line.split()) for line in text.split("|") if line.strip())


STOP = _set(
    "stop|stopall|stop all|unsubscribe|unsubscribe me|unsubscribed|end|quit|cancel|revoke|optout|opt out|opt me out|arret|remove|remove me|stop promotions|"
    "stop messages|stop marketing|stop please|no more|no more messages|baja|bajas|la baja|de baja|mi baja|parar|alto|detener|detente|cancelar|"
    "dar de baja|darme de baja|darse de baja|denme de baja|deme de baja|dame de baja|doy de baja|dar baja|quiero baja|solicito baja|baja por favor|"
    "desuscribir|desuscribirme|desuscribirse|desuscripcion|desinscribir|desinscribirme|cancelar suscripcion|cancela suscripcion|cancelo suscripcion|"
    "anular suscripcion|anular|no mas mensajes|no mas|ya no mas|no mas promociones|no mas publicidad|no mas correos|no mas spam|basta|ya basta|"
    "detener promociones|detener mensajes|parar promociones|parar mensajes|dejar de recibir|dejar de recibir promociones|dejar de recibir mensajes|"
    "eliminar|eliminarme|eliminar suscripcion|eliminame|borrarme|borrame|quitarme|quitame|removerme|remuevanme|"
    "sair|sair da lista|pare|parem|remover|remova|me remova|me remove|descadastrar|descadastre|me descadastre|descadastro|cancelar inscricao|"
    "baja definitiva|baja total|baja inmediata|baja ya|baja mensajes|baja de mensajes|baja de la lista|stop mensajes|stop now|stop ya|"
    "salir de la lista|salirme de la lista|quiero salir de la lista|quiero salirme|arrete|arretez|desabonner|me desabonner|se desabonner|desabonnez moi|"
    "desinscription|desabonnement|cancelar assinatura|cancelar cadastro|nao quero mais|chega|interromper|desinscrever|nao receber mais|parar promocoes|interromper promocoes|parar de receber"
)
START = _set(
    "start|unstop|alta|suscribir|suscribirme|resuscribir|reanudar|reactivar|subscribe|resubscribe|quiero volver a recibir|volver a recibir|"
    "darme de alta|denme de alta|quiero alta|quiero darme de alta|retomar|voltar a receber|quero voltar a receber|inscrever|reativar|resume"
)
HELP = _set("help|ayuda|ajuda|help me|necesito ayuda|aide")
MENU = _set("salir|fin|para|exit|bajo|alt|sal|adios|terminar|finalizar|encerrar|leave")
"""Alone they may be a stop, or leave the menu of a bot, or be a word of their own: a person looks."""

ASKED_PICTURES = frozenset(
    "\U0001f44e\U0001f6d1\U0001f6ab\u26d4\u270b\U0001f590\U0001f595\U0001f92c\U0001f621\U0001f620\u274c\U0001f645\U0001f910\U0001f515"
)

COURTESY = _set(
    "hola|buenas|buen dia|buenos dias|buenas tardes|buena tarde|buenas noches|buena noche|muy buenas|muy buenos dias|muy buenas tardes|muchas gracias|mil gracias|muy amable|lindo dia|gracias|por favor|porfavor|porfa|favor|saludos|disculpe|disculpa|"
    "disculpen|perdon|senores|senor|senorita|estimados|ok|okay|please|pls|plz|thanks|thank you|thankyou|thx|hello|hi|hey|dear|sir|ola|oi|bom dia|boa tarde|boa noite|muito obrigado|muito obrigada|"
    "obrigado|obrigada|brigado|por gentileza|amable|amables|atentamente|bye|tks|cheers|un saludo|abrazo|bendiciones|merci|svp|sil vous plait|jaja|jajaja|jeje"
)
HURRIED = {
    "kiero": "quiero", "kero": "quero", "q": "que", "k": "que", "ke": "que", "x": "por", "xfa": "porfa", "xfavor": "porfavor", "pf": "porfa", "pfv": "porfavor",
    "msj": "mensajes", "msjs": "mensajes", "mjs": "mensajes", "mjes": "mensajes", "msg": "mensajes", "msgs": "mensajes", "msjes": "mensajes",
    "mensaje": "mensajes", "mensajitos": "mensajes", "sms": "mensajes", "whats": "mensajes", "whatsapps": "mensajes", "yano": "ya no", "nomas": "no mas",
    "nome": "no me", "promos": "promociones", "promo": "promociones", "promocion": "promociones", "publi": "publicidad", "propaganda": "publicidad",
    "spam": "spam", "n": "no", "ñ": "no", "naum": "nao", "dont": "dont", "donot": "dont", "wanna": "want to", "u": "you", "ur": "your", "txt": "text",
    "txts": "texts", "numero": "numero", "num": "numero", "nro": "numero", "cel": "numero", "vc": "voce", "vcs": "voces", "mto": "muito", "tb": "tambien",
    "suscripción": "suscripcion", "subscripcion": "suscripcion", "suscribcion": "suscripcion", "cancelen": "cancelen", "bajenme": "denme de baja",
}  # fmt: skip

VOCABULARY = _set(
    "quiero|quisiera|deseo|recibir|recibiendo|mensajes|promociones|publicidad|manden|mande|mandes|mandar|mandando|mandarme|envien|envie|enviar|enviarme|"
    "enviando|escriban|escriba|escribas|escribir|escribirme|escribiendo|contacten|contactar|contactarme|molesten|molestar|molestarme|lista|suscripcion|"
    "cancelar|cancelen|eliminen|eliminenme|borren|borrenme|quitenme|quiten|saquenme|saquen|numero|mensagens|receber|mandem|enviem|inscricao|"
    "descadastrar|unsubscribe|messages|texting|messaging|please|gracias|volver|vuelvan|dejen|difusion|desuscribir|desuscribirme|solicito|suscribir|quero|queria|quiere|quieren|quisieran|recibo|reciben|recibi|suscribirme|escribieron|"
    "insistan|llamen|llamar|favor|anymore|remove|contacting|sending|database|stop|datos"
)
"""Words that sentences are made of; one slip of the finger away from one of them means it, where it is longer than four
letters.
"""

OWN_WORDS = _set(
    # one letter from a keyword, and words of their own
    "step|stops|stopped|shop|stomp|top|tops|stoop|strop|stow|stob|atop|slop|spot|store|story|stock|caja|bajo|bajos|raja|paja|maja|faja|baha|bata|bala|baba|"
    "balsa|haja|baixa|baixo|bajan|bajar|baje|bajen|rebaja|naja|laja|jaja|baka|baza|basa|baya|bayas|bajada|banja|vaya|viaja|ajá|aja|hija|hoja|roja|parra|para|pasar|pagar|parir|paran|"
    "paras|parara|tapar|parar|lavar|sacar|pararan|parado|parada|separar|reparar|preparar|mirar|padre|pase|parte|pared|pago|cair|saia|sabir|saber|sai|"
    "sais|detener|obtener|tener|retener|detiene|cancela|cancelo|cancele|cancelan|cancelas|cancelado|cancelada|cancelling|cancels|cancer|candelar|remoto|remove|"
    "remueve|renovar|mover|subscribe|subscribed|suscribir|suscribirme|suscribo|describir|inscribir|escribir|promover|remoteer|quite|quiet|suit|and|bend|"
    "send|ends|lend|alta|altas|auto|salto|altos|cabaja|trabaja|sabado|bazaar|bahia|barra|optimo|output|revoke|provoke|evoke|revoked|star|stars|stark|"
    "smart|starts|started|tart|state|stat|status|alma|alba|alza|asta|salta|falta|malta|ala|ata|exalta|reanudo|reanuda|reanudan|describirme|escribirme|"
    "inscribirme|sell|stap|stopp|mandan|mandaron|mandado|envian|enviaron|enviado|escriben|escribio|escribiste|contactan|contactos|contacto|molestan|dejan|llaman|"
    "llamado|quitan|borran|borrar|sacan|sacar|quedo|queso|lisa|listo|listas|vista|pista|dieta|vuelve|vuelven|volvere|datas|dato|stock|contesten|mensajero|mensajera"
) - {"stap", "stopp"}

TYPO_STOP = _set(
    "stop|baja|unsubscribe|desuscribir|desuscribirme|descadastrar|optout|detener|cancelar|sair|stopall|parar|revoke|remover|desinscribir|unsuscribe"
)
TYPO_START = _set("start|alta|unstop|reanudar|suscribir|suscribirme|subscribe")

_OBJECT = (
    r"(?:mas|nada|mensajes?|promociones|publicidad|ofertas|correos?|mails?|emails?|notificaciones|avisos|informacion|info|spam|cosas|anuncios|llamadas|"
    r"comunicaciones|boletines|newsletters?|recordatorios|sus|suyos|esto|estos|eso|esos|tus|tantos|whatsapp|por (?:aqui|este|esta))"
)
_SENDS = (
    r"(?:(?:manden?|mandes|mandar|envi(?:en?|es|ar)|escrib(?:an?|as|ir)|contact(?:en?|es|ar)|molest(?:en?|es|ar)|insist(?:an?|as|ir)|busquen?|buscar|"
    r"text(?:een?|ear)|fastidi(?:en?|es|ar)|spameen|hostiguen|acosen)(?:me|nos)?)"
)
_BOTHERING = r"(?:hacer spam|escribir|mandar|enviar|molestar|fregar|chingar|joder|contactar|insistir|fastidiar|acosar|hostigar|spamear|estar|textear)"
STOP_SENTENCES = regex(
    "|".join(
        (
            # Spanish
            rf"\bya no (?:me |nos )?(?:vuelvan a |vuelva a |vuelvas a |sigan |siga )?(?:estar )?(?:{_SENDS}|enviando|mandando|escribiendo|molestando)\b",
            rf"\bno (?:me |nos )?(?:vuelvan a |vuelva a |vuelvas a |sigan |siga )?(?:{_SENDS}|enviando|mandando|escribiendo|molestando)(?: (?:ya|por favor|porfa))*(?: {_OBJECT}\b|$)",
            rf"\bno (?:me |nos )?(?:vuelvan|vuelva|vuelvas|volver) a {_SENDS}",
            rf"\b(?:ya )?no (?:quiero|deseo|quisiera|me gustaria|pienso|necesito|autorizo)(?: seguir)? (?:recibir|recibiendo|recibirlos?|tener|ver)(?:los|las)?(?: ya)?(?: {_OBJECT}\b| de ustedes| su| el | la |$)",
            r"\b(?:ya )?no (?:quiero|deseo|quisiera|necesito)(?: ya)? (?:mas |sus |tus |estos |esos |nada de |que me (?:manden|escriban|envien|contacten|molesten|llegu?en))",
            rf"\bya no (?:quiero|deseo|quisiera)(?: mas)? {_OBJECT}\b",
            r"\bno (?:quiero|deseo) (?:mensajes|spam|publicidad|promociones|correos|anuncios|ofertas|nada de ustedes)\b",
            r"\b(?:quisiera|quiero|prefiero|deseo|pido|favor de|por favor|les pido|le pido) (?:ya )?no (?:recibir|volver a recibir|seguir recibiendo|ser contactad[oa])",
            r"\bno (?:seguir )?recibi(?:r|endo) (?:mas|sus|nada)\b",
            r"\bno mas (?:mensajes|promociones|publicidad|correos|spam|anuncios|ofertas|llamadas)\b",
            rf"\b(?:dejen|deja|deje|dejar|dejan|dejaran|dejenme) (?:ya )?de {_BOTHERING}(?:me|nos)?\b",
            r"\bdejar de recibir\b",
            r"\b(?:dejenme|dejame|dejeme) en paz\b",
            r"\b(?:paren|parele|parenle|basta|pare|alto|chega) (?:ya )?(?:con|de|a) (?:mensagens|sus?|los?|las?|tus?|tantos?|tantas?|mandar|enviar|escribir|molestar|esos?|estos?|mensajes|spam|publicidad)\b",
            r"\b(?:eliminen|eliminenme|elimine|elimineme|eliminame|borren|borrenme|borre|borreme|borrame|quiten|quitenme|quite|quiteme|quitame|saquen|saquenme|saque|saqueme|sacame|remuevan|remuevanme|eliminar|eliminarme|borrar|borrarme|quitar|quitarme|sacar|sacarme|excluyan|excluyanme|retiren|retirenme)\b(?: \w+){0,4} (?:listas?|base|grupo|difusion|contactos|registros?|sistema|directorio|agenda)\b",
            r"\bme (?:eliminen|borren|quiten|saquen|eliminan|borran|quitan|sacan) de\b",
            r"\b(?:dar|dan|den|denme|darme|darnos|dame|deme|dennos|doy|pueden darme|causar|tramitar|procesar)(?: me| nos)? (?:de |la |mi )?baja\b",
            r"\b(?:solicito|pido|quiero|requiero|deseo|quisiera|necesito|exijo)(?: \w+){0,2} (?:la |mi |una )?baja\b",
            r"\bdesu[bs]*scri(?:bir|birme|birse|bo|ban|banme|beme|ben)\b|\bdesinscri(?:bir|birme|bo|banme)\b",
            r"\b(?:cancel(?:ar|en|o|e|enme)|anul(?:ar|en)|termin(?:ar|en))(?: \w+)? suscripcion\b",
            # Portuguese
            r"\bnao (?:quero|desejo|gostaria de)(?: mais)? (?:receber|mensagens|nada|mais|suas|essas|que me mandem)",
            r"\bnao (?:me )?(?:mande|mandem|envie|enviem|escreva|escrevam|perturbe|perturbem|contate|contatem|incomode|incomodem)(?: \w+){0,3} (?:mais|nada|mensagens?)\b",
            r"\b(?:me )?(?:tir[ae]m?|remov[ae]m?|exclu[ai]m?|apagu?em?|retir[ae]m?)(?: me| o?a? ?meu numero| meu numero| meu contato)? (?:da|dessa|desta|de|do|desse|deste) (?:sua |seu |suas )?(?:lista|grupo|cadastro|base|contatos)\b",
            r"\b(?:quero|queria|gostaria de|desejo|preciso) (?:sair|me descadastrar|descadastrar|cancelar (?:a |minha )?(?:inscricao|assinatura))(?: (?:da|dessa|desta|do|desse) (?:lista|grupo|cadastro))?$",
            r"\bparem? de (?:me )?(?:mandar|enviar|incomodar|escrever|perturbar|encher|importunar)\b|\bme (?:deixem?) em paz\b",
            r"\b(?:cancelar|cancele|cancelem)(?: \w+)? (?:inscricao|assinatura)\b|\b(?:me )?descadastr(?:ar|e|em|o)\b",
            # English
            r"\b(?:stop|quit) (?:texting|messaging|contacting|emailing|sending|bothering|spamming|harassing|writing|these|the messages|all|with the)\b",
            r"\b(?:remove|take|delete|get) (?:me|my (?:phone )?number|this number|my phone|my data|my info)(?: off| out)?(?: from| of)?(?: \w+){0,2} (?:list|database|system|lists|contacts|records)\b",
            r"\bunsubscribe me\b|\bopt me out\b|\b(?:want|like|need|wish|how do i|how can i|where do i|where can i) (?:to )?(?:unsubscribe|opt out|stop receiving|be removed)\b",
            r"\b(?:dont|do not|no longer|didnt|never) (?:want|wish|need|ask)(?: for)?(?: to)?(?: (?:receive|get|see|be contacted|hear from))?(?: (?:any|your|these|more|such|the|this|from|you))* ?(?:messages?|texts?|emails?|promotions|offers|spam|anymore|any more|again|stuff|contacted|marketing)\b",
            r"\b(?:dont|do not|never) (?:text|message|contact|email|write|bother|send)(?: to)?(?: me| us)?(?: (?:anything|any|more|anymore|again|ever|messages|texts|please))*$",
            r"\bno more (?:messages|texts|emails|promotions|spam|offers)\b|\bleave me alone\b|\btake me off\b|\blose my number\b",
        )
    )
)
ERASURE_STOP = regex(
    r"\b(?:(?:borr|elimin|quit|retir)(?:en|e|ar|a|as)|saquen|saque|saca|sacar|suprim(?:an|a|ir)|delete|remove|erase|apag(?:uem|ue|ar)|exclu(?:am|a|ir|yan|ya))(?:me|lo|los)?(?: \w+){0,3} (?:numero|telefono|datos|contacto|number|phone|data|dados|telefone|contato|informacion)\b"
)
START_SENTENCES = regex(
    r"\b(?:quiero|quisiera|deseo|me gustaria)(?: (?:volver a|otra vez|nuevamente|de nuevo|si))* (?:recibir|recibirlos|suscribirme|darme de alta|que me (?:vuelvan a )?(?:manden|envien|escriban|mandar|enviar|escribir))"
    r"(?: (?:otra vez|nuevamente|de nuevo|sus|los|mas|mensajes|promociones|sus mensajes|las|ofertas|noticias|informes))*$"
    r"|\bvuelvan a (?:mandarme|enviarme|escribirme|incluirme|suscribirme)\b|\bvolver a suscribirme\b"
    r"|\b(?:sign|opt|add) me (?:back )?(?:up|in|back)(?: again| to the list)?\b|\b(?:resubscribe|subscribe) me\b|\bstart (?:sending|texting|messaging)(?: me)?(?: \w+)? again\b"
    r"|\bwant to (?:receive|get) (?:your |the )?(?:messages|texts|offers)(?: again)?\b"
    r"|\b(?:quero|gostaria de) (?:voltar a receber|receber (?:de novo|novamente|as mensagens|mensagens|suas mensagens)|me (?:inscrever|cadastrar)(?: de novo| novamente)?)"
)
NEGATED = regex(
    r"\bno (?:quiero|deseo|quisiera|pienso|voy a|vayan a|queria|pedi|he pedido|solicite|me interesa)(?: \w+)? (?:darme|dar|salir|salirme|cancelar|desuscribir\w*|la baja|que me den|causar|dejar|borrar\w*)\b"
    r"|\bno (?:me |nos )?(?:den|des|de|dieron|doy) de baja\b|\bno (?:me )?(?:eliminen|borren|quiten|saquen|desuscriban|cancelen)\b"
    r"|\bno (?:dejen|dejes|deje|paren|pares) de\b|\bno baja\b"
    r"|\b(?:dont|do not|didnt|never|please dont|not) (?:want to |wish to |mean to )?(?:stop|unsubscribe|remove|cancel|quit|opt|end)\b"
    r"|\bnao (?:quero |desejo |vou |pretendo )?(?:me )?(?:sair|parar|parem|cancelar|cancelem|remover|removam|remova|tire|tirem|descadastr\w*)\b"
)
CONDITION = regex(r"\b(?:cancel\w*|baja|unsubscribe|desuscrib\w*|stop|sair|saio|salgo|leave|quit|descadastr\w*)\b")
TAKEN_BACK = regex(
    r"\b(?:no es cierto|no era|mentira|es broma|era broma|broma|bromeo|sigan|jk|just kidding|kidding|no wait|wait no|mejor no|siempre no|brincadeira|mentirinha|continuem|olvidenlo|olvidalo|por error|equivoque|never mind|nevermind|mejor si)\b"
)
TALKED_ABOUT = regex(
    r"\b(?:que (?:pasa|sucede|significa|quiere decir|es)|what (?:does|happens|is|if)|o que (?:acontece|significa|e)|para que (?:es|sirve)|por que (?:dice|me)|why (?:does|do)|significa|mean)\b"
)
FOOTER = regex(
    r"\b(?:reply|replies|text|send|type|responda|responde|responder|responden|envia|envie|enviar|escribe|escriba|conteste|contesta|contestar|manda|mande|digite|respondo|respondes|escribo|envio|mando|contesto)"
    r"(?: con| with| a| la| palabra| the| word| com| o)* (?:stop|baja|sair|unsubscribe|parar|alto|cancelar|end|quit|salir|pare|remover)\b"
)
SOMEONE_ELSE = regex(
    r"\b(?:numero|telefono|persona|contacto) equivocad[oa]\b|\bwrong (?:number|person)\b|\bnumero errado\b|\bpessoa errada\b|\bengano\b"
    r"|\b(?:se|te) equivoc\w+(?: de (?:numero|persona|telefono|contacto))?\b|\b(?:estan?|estas) (?:equivocad\w+|confundi\w+)\b|\b(?:me|se) confund\w+\b"
    r"|\b(?:linea|numero|telefono|celular|cel)(?: \w+)? (?:ya )?no (?:es|pertenece|corresponde)\b|\bya no (?:es|pertenece|corresponde)(?: el| a)? (?:numero|telefono|celular|de)\b"
    r"|\b(?:mi|minha|meu|my) (?:mama|papa|espos[oa]|hij[oa]|herman[oa]|madre|padre|abuel[oa]|jefe|amig[oa]|mae|pai|marido|mother|father|husband|wife|son|daughter|mom|dad|brother|sister|mulher|filh[oa]|ti[oa])"
    r"(?: \w+){0,2} (?:no|nao|doesnt|does not|not) (?:quiere|desea|quer|deseja|want|wish)\b"
    r"|\b(?:su|seu|her|his) (?:numero|number|telefono|telefone) (?:es|e|is) (?:otro|outro|another)\b|\bno conozco a\b|\bnao (?:conheco|e mais o)\b|\bthis is not \w+$|\bno longer belongs\b|\bim not \w+$"
)
NOT_ME = regex(
    r"\b[Nn]o soy (?:la |el )?[A-Z\u00c1\u00c9\u00cd\u00d3\u00da\u00d1][a-z\u00e1\u00e9\u00ed\u00f3\u00fa\u00f1]+|\b[Nn]\u00e3o sou (?:a |o )?[A-Z]"
)
"""Read in the text as written: a name has a capital letter."""
CONTACT_VERB = r"(?:llam\w*|marqu\w*|marcar\w*|escrib\w*|mand\w*|envi\w*|contact\w*|text\w*|call\w*|phone|ring|lig(?:ar|ue|uem|ando)|mensaj\w*|messag\w*|email\w*|molest\w*|recib\w*)"
CALLS_ONLY = regex(
    r"\b(?:no|nao|dont|do not|never|ya no)(?: me| nos)?(?: vuelvan a| quiero que me| quero que me)? (?:llam(?!aron|aste|ado|o\b|aba)\w+|mar(?:qu|c)(?!aron|aste|ado|o\b|aba)\w+|lig(?:ue|uem|ar)\w*|call\w*|phone|ring)\b|\b(?:dejen|paren|parem|pare|pares|stop|quit) (?:de )?(?:me )?(?:llamar\w*|marcar\w*|ligar|calling|phoning)\b|\bno mas llamadas\b|\bsin llamadas\b"
)
NOT_NOW = regex(
    rf"\b(?:no|nao|dont|do not)(?: me| nos)? (?:{_SENDS}|llam(?:en?|es|ar)(?:me)?|marqu(?:en?|es)|mand[ea]m|envi[ea]m|escrevam?|lig(?:ue|uem|ar)|text|message|call|contact|write)"
    r"(?: \w+){0,3} (?:hoy|manana|ahora|ahorita|hoje|agora|amanha|estos dias|today|tonight|tomorrow|now)$"
    rf"|^(?:por )?(?:hoy|ahora|ahorita|hoje|agora|today|manana) (?:ya )?(?:no|nao|dont)(?: me| nos)? (?:{_SENDS}|llam(?:en?|es)|mand[ea]m|enviem?|liguem?|text|call|message)\b"
)
CHANNELS = frozenset("whatsapp whats wasap email mail correo correos llamadas calls telegram".split())
"""After a keyword they say by which channel it is meant."""
SCOPE = regex(
    r"\b(?:hasta (?:el |la |que |despues |fin |mediados )?\w+|until|ate (?:o |a )?\w+|por (?:aqui|este medio|whatsapp|esta via|correo|telefono|email|mail|mensaje)|mejor por|a mi (?:correo|email|mail|otro|celular|whatsapp|trabajo)|al correo|"
    r"so (?:mensagem|por|email|whatsapp)|solo (?:por|correo|mensajes|whatsapp|email|llamadas)|only (?:by|sms|email|text|whatsapp|call)|at work|at night|en (?:el trabajo|la oficina|la noche|las noches|la manana|horario|fin de semana|domingo|sabado)|"
    r"de (?:noche|madrugada)|a estas? horas?|tan (?:tarde|temprano|seguido)|los (?:domingos|sabados|fines)|por la (?:noche|manana|tarde)|a noite|de manha|no trabalho|on (?:weekends?|sundays?|saturdays?)|after|before|antes de|despues de|despues|by (?:phone|email|text)|this week|esta semana|por ahora|por el momento|this month|este mes)\b"
)
HERE_NOT = regex(
    r"^no por (?:aqui|este medio|whatsapp|correo|telefono)\b|^por (?:aqui|este medio|whatsapp|esta via|correo|telefono) no\b|^(?:not here|aqui no|por aqui nao)\b"
)
NEGATIVE_CONTACT = regex(rf"\b(?:no|nao|dont|do not|never)(?: me| nos)? {CONTACT_VERB}")
THEY_DO_NOT = regex(r"\b(?:ya )?no quiere\b|\bnao quer\b|\bdoes(?:nt| not) want\b")
UNTIL = regex(rf"\b{CONTACT_VERB}(?: \w+){{0,2}} (?:hasta|until|ate)\b")
OTHER_THING = regex(
    r"\b(?:cancel\w*|anul\w*|baja)(?: (?:mi|la|el|una|un|las|los|mis|my|the|an|a|our|minha|meu|uma|um|o|de|con|del|tu|su|esta|este|esa|ese))* (?:cita|citas|consulta|consultas|reserva\w*|pedido|compra|turno|reunion|hora|horario|appointment|booking|reservation|order|"
    r"meeting|visit|visita|agendamento|sessao|sesion|clase|aula|valoracion|servicio de hoy|cuota|factura|deuda|pago|saldo|tarjeta|efectivo|precio|precios)\b"
)
SERVICE = regex(
    r"\b(?:de baja|baja|cancel\w*|desuscribir\w*|darme de baja|leave|quit|sair|salir\w*|unsubscribe)(?: (?:de|del|la|el|mi|mis|meu|minha|my|the|from|do|da|al|en|a|o|su|un|una))+ (?P<thing>\w+)"
)
MESSAGES = frozenset(
    "mensajes lista listas difusion grupo promociones publicidad boletin boletines newsletter suscripcion notificaciones correos correo base sus este esta estos estas esto whatsapp "
    "list lists texts messages emails mensagens inscricao assinatura aqui sms spam ustedes todo todos datos contactos sistema informacion mail mails avisos".split()
)
NO_THING = frozenset("precio precios estatura presion california temporada grasas calidad calorias azucar".split())
LEGAL = regex(
    r"\bde donde (?:sacaron|obtuvieron|tienen|sacaste|consiguieron)\b|\bcomo (?:obtuvieron|consiguieron|sacaron|tienen) mi\b|\bquien (?:les|te|le) dio mi\b|\b(?:where|how) did you get\b|\bwho gave you\b|\b(?:onde|como) (?:conseguiram|pegaram|arrumaram|obtiveram)\b"
    r"|\b(?:reportar\w*|denunciar\w*|demandar\w*|profeco|procon|inai|condusef|repep|abogado|lawyer|report you|sue you|gdpr|lgpd|arco|privacidad|privacy|aviso de privacidad|spam|acoso|harassment|processar)\b"
)
WEAK = regex(
    r"^(?:(?:ya )?no (?:me interesa|estoy interesad[oa]|nos interesa)(?: \w+){0,3}|(?:im )?not interested(?: \w+){0,2}|(?:nao (?:tenho interesse|me interessa|estou interessad[oa]))(?: \w+){0,2}|que (?:molest\w+|insistent\w+|pesad\w+|fastidi\w+|latos\w+|necios?|intens\w+|chato\w*)(?: \w+){0,2}|(?:son|estan) muy (?:molest\w+|insistent\w+|pesad\w+)|"
    r"ya (?:cansan|cansaron|chole|estuvo)|me tienen hart[oa]|estoy hart[oa]|stop it|annoying|so annoying|que chatos?|sin interes|no gracias ya no|ya no)$"
)
