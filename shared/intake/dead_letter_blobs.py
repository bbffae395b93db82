"""Dead letters that the database refuses: kept whole as blobs, alerted to operators, put back on their queue by hand.

python -m shared.intake.dead_letter_blobs             which there are
python -m shared.intake.dead_letter_blobs --return    put them back on `dead-letter-queue`, once the reason is gone
"""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from shared import clock, faults, queues
from shared.commands import STORAGE, start
from shared.errors import PuenteError, UnavailableError
from shared.intake import dead_letter_message

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

log = logging.getLogger("puente.deadletter")

AFTER_KEPT = faults.point("deadletter.after_kept")
AFTER_RETURNED = faults.point("deadletter.after_returned")
COUNTED_TO = 1000


def keep(body: bytes) -> None:
    """Keep a dead letter that could not be stored, in a blob that nothing deletes, and raise the alarm.

    The same message again is the same blob on the same day, so a crash before its message is deleted does no harm.

    Raises:
        UnavailableError: the storage account cannot be reached; the message must stay where it is.
    """
    from shared.store.types import key_of

    name = f"{clock.now():%Y/%m/%d}/{key_of(body.decode(errors='backslashreplace'))}.json"
    reference = queues.put_blob(name, body, container=queues.UNSTORED_CONTAINER)
    faults.hit(AFTER_KEPT)
    log.critical("a dead letter cannot be stored in the database; it is kept as the blob %s", reference)
    _alert(reference)


def _alert(reference: str) -> None:
    """Enqueue an alert to the operators if the database works; the log and the state line show the blob in any case."""
    from shared import alerts
    from shared.outbox import plan
    from shared.store.session import transact

    text = f"Puente: a dead letter cannot be stored in the database; it is kept as the blob {reference}."

    def work(session: "Session") -> set[str]:
        alerts.plan_alert(session, f"unstored:{reference}", text)
        return plan.newly_due(session)

    try:
        plan.nudge(transact(work))
    except Exception:  # the database has just refused the letter; the letter itself is safe
        log.exception("no alert could be planned for %s", reference)


def count() -> int:
    """How many are kept; more than `COUNTED_TO` are counted as that many.

    Raises:
        UnavailableError: the storage account cannot be reached.
    """
    return sum(1 for _name in _names())


def _names() -> Iterator[str]:
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        for number, blob in enumerate(queues.blob_container(queues.UNSTORED_CONTAINER).list_blobs()):
            if number >= COUNTED_TO:
                return
            yield blob.name
    except ResourceNotFoundError:
        return
    except AzureError as error:
        raise UnavailableError(f"blobs cannot be listed: {type(error).__name__}") from error


def give_back() -> int:
    """Put the kept letters back on the dead-letter queue; how many. One that is still refused is kept again.

    Each is deleted after it was sent: a crash in between sends it twice, and a letter is stored once.

    Raises:
        UnavailableError: the storage account cannot be reached; what is not sent is still kept.
    """
    from azure.core.exceptions import AzureError

    container, returned = queues.blob_container(queues.UNSTORED_CONTAINER), 0
    for name in list(_names()):
        try:
            queues.send(queues.DEAD_LETTER_QUEUE, _message(bytes(container.download_blob(name).readall())))
            faults.hit(AFTER_RETURNED)
            container.delete_blob(name)
        except AzureError as error:
            raise UnavailableError(f"{name} cannot be given back: {type(error).__name__}") from error
        returned += 1
    return returned


def _message(body: bytes) -> bytes:
    """What was kept whole, as a message; a body too large for one goes to a claim-check blob again."""
    from shared.intake import dead_letter_store

    return dead_letter_message.to_message(dead_letter_store.opened(body))


def main(arguments: list[str] | None = None, out: Callable[[str], object] = sys.stdout.write) -> int:
    """The command line: 0 done, 1 the storage account cannot be reached."""
    parser = argparse.ArgumentParser(prog="python -m shared.intake.dead_letter_blobs", description=__doc__.splitlines()[0])
    parser.add_argument("--return", dest="back", action="store_true", help="put them back on dead-letter-queue")
    try:
        if parser.parse_args(arguments).back:
            out(f"{give_back()} put back on {queues.DEAD_LETTER_QUEUE}.\n")
        else:
            for name in _names():
                out(f"{queues.UNSTORED_CONTAINER}/{name}\n")
            out(f"{count()} kept.\n")
    except PuenteError as error:
        out(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    start(*STORAGE)
    sys.exit(main())
