"""Currencies: their decimals (ISO 4217), Stripe's way of counting, their signs, and the locales with a decimal point."""

NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
STRIPE_WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
"""Counted in whole units by Stripe (its currencies page); UGX and ISK have no decimals either, but are counted in
hundredths.
"""
DOT_LOCALES = frozenset(["es-MX", "es-PE", "es-US", "es-GT", "es-PR", "es-DO", "es-HN", "es-NI", "es-PA", "es-SV", "es-CU"])
DOLLARS = frozenset(
    ["USD", "MXN", "CLP", "COP", "ARS", "UYU", "DOP", "CAD", "AUD", "NZD", "BZD", "HKD", "SGD", "TWD", "JMD", "TTD", "CUP"]
)
SYMBOLS: dict[str, frozenset[str]] = {
    "$": DOLLARS, "€": frozenset({"EUR"}), "£": frozenset({"GBP"}), "¥": frozenset({"JPY", "CNY"}), "R$": frozenset({"BRL"}),
    "US$": frozenset({"USD"}), "U$S": frozenset({"USD"}), "U$": frozenset({"USD"}), "USD$": frozenset({"USD"}), "MX$": frozenset({"MXN"}),
    "MXN$": frozenset({"MXN"}), "M.N.": frozenset({"MXN"}), "M.N": frozenset({"MXN"}), "MN": frozenset({"MXN"}), "COL$": frozenset({"COP"}),
    "COP$": frozenset({"COP"}), "CLP$": frozenset({"CLP"}), "CL$": frozenset({"CLP"}), "AR$": frozenset({"ARS"}), "S/": frozenset({"PEN"}),
    "S/.": frozenset({"PEN"}), "₡": frozenset({"CRC"}), "₲": frozenset({"PYG"}), "GS.": frozenset({"PYG"}), "BS.": frozenset({"BOB", "VES"}),
    "BS": frozenset({"BOB", "VES"}), "Q": frozenset({"GTQ"}), "L.": frozenset({"HNL"}), "B/.": frozenset({"PAB"}), "C$": frozenset({"NIO"}),
    "RD$": frozenset({"DOP"}), "PESOS": DOLLARS - {"USD", "CAD"}, "DOLARES": frozenset({"USD"}), "DÓLARES": frozenset({"USD"}),
    "EUROS": frozenset({"EUR"}), "SOLES": frozenset({"PEN"}), "REAIS": frozenset({"BRL"}), "REALES": frozenset({"BRL"}),
}  # fmt: skip  # fmt: skip
KNOWN = frozenset(
    [
        "MXN",
        "USD",
        "EUR",
        "BRL",
        "ARS",
        "CLP",
        "COP",
        "PEN",
        "UYU",
        "GBP",
        "CAD",
        "CRC",
        "GTQ",
        "BOB",
        "PYG",
        "VES",
        "DOP",
        "HNL",
        "NIO",
        "PAB",
        "CHF",
        "AUD",
        "CNY",
    ]
)
