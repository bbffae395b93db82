"""Domains: the big providers, others that lie one letter from them, wrong ends, and stand-ins that are no mailbox."""

STAND_INS = ("sms.cal.com", "s.whatsapp.net", "c.us", "g.us", "lid")
WRONG_ENDS = {
    wrong: right
    for right, wrongs in {
        "com": "con cmo ocm comm coom vom xom cpm clm comn cm0 c0m cim comcom como",
        "net": "nte nett ner",
        "org": "ogr orgg",
    }.items()
    for wrong in wrongs.split()
}
BIG = frozenset(
    [
        "gmail.com",
        "hotmail.com",
        "hotmail.es",
        "hotmail.com.mx",
        "hotmail.com.ar",
        "outlook.com",
        "outlook.es",
        "yahoo.com",
        "yahoo.es",
        "yahoo.com.mx",
        "yahoo.com.br",
        "yahoo.com.ar",
        "icloud.com",
        "prodigy.net.mx",
    ]
)
REAL = BIG | frozenset(
    [
        "mail.com",
        "ymail.com",
        "email.com",
        "gmx.com",
        "gmx.net",
        "hotmail.fr",
        "hotmail.it",
        "hotmail.co.uk",
        "outlook.fr",
        "outlook.com.br",
        "yahoo.fr",
        "yahoo.it",
        "yahoo.ca",
        "yahoo.com.co",
        "yahoo.com.pe",
        "yahoo.com.ve",
        "googlemail.com",
        "rocketmail.com",
        "fastmail.com",
        "gmail.co.uk",
    ]
)
