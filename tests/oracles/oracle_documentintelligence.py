"""Azure's own package against the stand-in: a receipt is analysed, read and deleted. Runs in the oracles' environment."""

import os

import requests
from azure.ai.documentintelligence import DocumentIntelligenceClient
from azure.ai.documentintelligence.models import AnalyzeDocumentRequest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

MODEL = "prebuilt-receipt"
PICTURE = b"\xff\xd8\xff no more than this is looked at"


def client(key: str) -> DocumentIntelligenceClient:
    """A client of the package for the stand-in."""
    return DocumentIntelligenceClient(os.environ["DOCUMENTINTELLIGENCE_ENDPOINT"], AzureKeyCredential(key), retry_total=0)


def answering(outcome: str) -> None:
    """Choose what the stand-in answers next."""
    url = os.environ["SANDBOX_URL"] + "/_sandbox/documentintelligence/answer"
    requests.post(url, json={"outcome": outcome, "once": True}, timeout=10).raise_for_status()


def analysed(good: DocumentIntelligenceClient, **more: str):  # the package's poller
    """An analysis that has begun, or one that is taken up again by its token."""
    return good.begin_analyze_document(MODEL, AnalyzeDocumentRequest(bytes_source=PICTURE), locale="es-MX", **more)


def main() -> None:
    """What the package reads is what stands on the receipt; what fails, and whoever has no key, is told in its errors."""
    good = client(os.environ["DOCUMENTINTELLIGENCE_KEY"])
    poller = analysed(good)
    token, result = poller.continuation_token(), poller.result()
    assert (result.model_id, result.api_version) == (MODEL, "2024-11-30")
    (receipt,) = result.documents
    fields = receipt.fields
    assert fields["MerchantName"].value_string == "Papelería Lumen"
    assert (fields["Total"].value_currency.amount, fields["Total"].content) == (116.0, "$116.00")
    assert fields["TransactionDate"].value_date.isoformat() == "2026-03-05"
    assert [line.value_object["Description"].value_string for line in fields["Items"].value_array] == ["Cuaderno"]
    good.delete_analyze_result(MODEL, poller.details["operation_id"])
    assert refused(lambda: analysed(good, continuation_token=token).result()) == 404
    answering("empty")
    assert not analysed(good).result().documents
    answering("failed")
    assert refused(lambda: analysed(good).result()) is not None
    assert refused(lambda: analysed(client("another"))) == 401


def refused(call) -> int | None:
    """The status with which a call of the package is refused."""
    try:
        call()
    except HttpResponseError as error:
        return error.status_code
    raise AssertionError("it was not refused")


main()
