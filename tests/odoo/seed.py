"""What the test database holds before any test: a customer's Odoo as Puente finds it, with users, stages and our fields."""

import base64
import hashlib
from dataclasses import dataclass

from tests.odoo.postgres import Cluster
from tests.odoo.rpc import Session

# Names as the customer's sales pipeline has them, beside the four stages (1 to 4) that every Odoo begins with.
# The last is a confirmed order, so it counts as won (probability 100).
STAGES = {
    16: "Recién Suscrito Sin Asignar",
    17: "Recién Suscrito Pendiente AC",
    18: "Retornó en AC",
    19: "Comienza AC",
    20: "Retorno a AE",
    21: "Derivado a AE",
    22: "Comienza AE",
    23: "Terminó AE",
    24: "No Termino AE Derivado AC",
    25: "Comienza Cotización",
    26: "Orden de Venta Confirmada",
}
WON_STAGE = 26

FIELDS = {
    "crm.lead": (("x_manychat_id", "ManyChat ID", "char"), ("x_manychat_entry_date", "ManyChat entry date", "datetime")),
    "res.partner": (("x_manychat_id", "ManyChat ID", "char"),),
}

API_KEY_ROUNDS = 6000  # what Odoo itself uses for keys, which are long and random where passwords are not


@dataclass(frozen=True)
class Person:
    """A user of the test database. Fixed keys, so that the environment of a test run never changes."""

    login: str
    name: str
    group: str
    password: str

    @property
    def key(self) -> str:
        """The user's API key, 40 hexadecimal digits as Odoo makes them."""
        return hashlib.sha256(f"puente test key of {self.login}".encode()).hexdigest()[:40]


ADMIN = Person("admin", "Administrator", "", "admin")
# The least that can keep all leads in step: "Sales: All Documents".
INTEGRATION = Person("integration", "Puente Integration", "sales_team.group_sale_salesman_all_leads", "integration")
ADVISORS = (
    Person("advisor1", "Lucía Paredes", "sales_team.group_sale_salesman", "advisor1"),
    Person("advisor2", "Marco Salas", "sales_team.group_sale_salesman", "advisor2"),
    Person("advisor3", "Elena Quiroga", "sales_team.group_sale_salesman", "advisor3"),
)


def plant(session: Session, cluster: Cluster) -> None:
    """Fill a fresh database over RPC, as the administrator of `session`. Not repeatable: begin with a fresh one again."""
    _create_fields(session)
    _create_stages(session, cluster)
    uids = {ADMIN: session.uid} | {person: _create_user(session, person) for person in (INTEGRATION, *ADVISORS)}
    for person in (ADMIN, INTEGRATION):
        _insert_key(cluster, session.database, uids[person], person.key)


def _create_fields(session: Session) -> None:
    for model, fields in FIELDS.items():
        [model_id] = session.call("ir.model", "search", [["model", "=", model]])
        for name, label, kind in fields:
            values = {"name": name, "field_description": label, "ttype": kind, "index": kind == "char", "copied": False}
            session.call("ir.model.fields", "create", values | {"model_id": model_id})


def _create_stages(session: Session, cluster: Cluster) -> None:
    # Odoo ignores an id given by the caller; the sequence decides, so it is brought to where the customer's was.
    cluster.sql(f"select setval('crm_stage_id_seq', {min(STAGES) - 1})", database=session.database)
    rows = [{"name": name, "sequence": 100 + number, "is_won": number == WON_STAGE} for number, name in STAGES.items()]
    made = session.call("crm.stage", "create", rows)
    if made != list(STAGES):
        raise AssertionError(f"the stages got the ids {made}")


def _create_user(session: Session, person: Person) -> int:
    """A user with an address that no mail server delivers to, for Odoo writes to advisors about their leads."""
    group = session.call("ir.model.data", "search_read", _by_name(person.group), fields=["res_id"])[0]["res_id"]
    address = f"{person.login}@puente.invalid"
    values = {"name": person.name, "login": person.login, "password": person.password, "email": address}
    uid: int = session.call("res.users", "create", values | {"group_ids": [[4, group]]})
    return uid


def _by_name(external_id: str) -> list[list[str]]:
    module, name = external_id.split(".")
    return [["module", "=", module], ["name", "=", name]]


def _insert_key(cluster: Cluster, database: str, uid: int, key: str) -> None:
    """Give a user a key of our choice; over RPC Odoo would choose one, and only in a browser's session."""
    row = f"('tests', {uid}, null, '{_hashed(key)}', '{key[:8]}')"
    insert = f"insert into res_users_apikeys (name, user_id, scope, key, index) values {row}"  # noqa: S608 - all of it is ours
    cluster.sql(insert, database=database)


def _hashed(key: str) -> str:
    """The key as Odoo stores it: PBKDF2-SHA512 in passlib's notation, which is base64 with `.` for `+` and no padding."""
    salt = hashlib.sha256(key.encode()).digest()[:16]
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, API_KEY_ROUNDS)
    salt_text, digest_text = (base64.b64encode(part, b"./").decode().rstrip("=") for part in (salt, digest))
    return f"$pbkdf2-sha512${API_KEY_ROUNDS}${salt_text}${digest_text}"
