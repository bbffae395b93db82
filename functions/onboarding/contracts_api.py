"""The addresses at which HR systems report contracts. They are answered at once: taken, or why not."""

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Body, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from functions.onboarding import flow, payloads, triggers
from functions.onboarding.settings import OnboardingSettings
from shared.intake import signatures
from shared.intake.auth import of_sender
from shared.problems import documented
from shared.settings import ApiKey, Scope, Settings, settings_of
from shared.web.auth import SecuredRoute

SIGNATURES = ("x-hub-signature-256", "x-hr-signature", "x-signature", "signature")


class ContractRoute(SecuredRoute):
    """A signature over the body, or a key with the scope `write` or `webhook:onboarding`; in the old address at its end."""

    also: ClassVar[tuple[Scope, ...]] = (of_sender(payloads.SENDER),)
    takes_key_in_address: ClassVar[bool] = True

    def signed(self, headers: Any, raw: bytes, settings: Settings) -> ApiKey | None:
        """The HR system, where it has signed the body with one of ONBOARDING_WEBHOOK_SECRETS.

        Raises:
            RefusedError: 401, the signature is not good.
        """
        secrets = settings_of(OnboardingSettings, settings).onboarding_webhook_secrets
        if not secrets or not any(headers.get(name) for name in SIGNATURES):
            return None
        signatures.of_body(headers, raw, secrets, SIGNATURES)
        return ApiKey(name="hr-signature", sha256="0" * 64, scopes=frozenset({of_sender(payloads.SENDER)}))


class ContractOut(BaseModel):
    """What became of a contract."""

    status: str = Field(description="`accepted`, `moved`, `changed`, `cancelled` or `noted`.")
    id: str
    namespace: str
    flowId: str  # noqa: N815  # as the replaced system has it
    url: str
    warnings: list[str]


class ContractRefused(BaseModel):
    """Why a contract was not taken."""

    status: int
    reason: str
    message: str
    details: str
    errors: list[dict[str, str]]


router = APIRouter(prefix="/api/v1", tags=["Onboarding"], route_class=ContractRoute)
Namespace = Annotated[str, Path(max_length=100, description="Any.")]
Key = Annotated[str, Path(max_length=200, description="An API key that opens webhooks only.")]
Contract = Annotated[
    dict[str, Any],
    Body(
        description="`email`, `full_name` (or first and last name), `start_date` and `manager_email` are needed, under any of "
        "their names; see docs/onboarding.md."
    ),
]
Cancelled = Annotated[dict[str, Any], Body(description="`email`; `start_date` where there may be several; `reason`.")]
ANSWERS: dict[int | str, dict[str, Any]] = documented(404, 409, 422)
for _status, _meaning in {
    200: "An open onboarding was moved or changed.",
    202: "Taken; what follows are deliveries.",
    404: "There is no such onboarding.",
    409: "There is one already, or the contract is an older one.",
    422: "Something is missing or wrong.",
}.items():
    is_good = _status < 400  # noqa: PLR2004  # no refusal
    ANSWERS[_status] = {
        **ANSWERS.get(_status, {}),
        "model": ContractOut if is_good else ContractRefused,
        "description": _meaning,
    }
OLD = f"/executions/webhook/{{namespace}}/{flow.OLD_ID}"
SUMMARY = "Report a signed contract"


@router.post("/onboarding", summary=SUMMARY, status_code=202, responses=ANSWERS, response_model=ContractOut)
def take_contract(contract: Contract) -> JSONResponse:
    """Begins an onboarding, or moves or changes the one that is open. The same contract again is 409 and changes nothing."""
    return _answered(triggers.answer_contract(contract))


@router.post(
    "/onboarding/cancellations",
    summary="Report a cancelled contract",
    status_code=202,
    responses=ANSWERS,
    response_model=ContractOut,
)
def take_cancellation(cancelled: Cancelled) -> JSONResponse:
    """Takes back what can be. One that comes before its contract, with a `start_date`, is noted."""
    return _answered(triggers.answer_cancellation(cancelled))


@router.post(OLD, summary=SUMMARY, status_code=202, responses=ANSWERS, response_model=ContractOut)
def take_contract_as_before(contract: Contract, namespace: Namespace) -> JSONResponse:
    """The address of the replaced flow, with a signature, or the key in the header."""
    del namespace
    return _answered(triggers.answer_contract(contract))


@router.post(f"{OLD}/{{key}}", summary=SUMMARY, status_code=202, responses=ANSWERS, response_model=ContractOut)
def take_contract_with_key(contract: Contract, namespace: Namespace, key: Key) -> JSONResponse:
    """The address of the replaced flow, with the key at its end; where the contract is signed, any word may stand there."""
    del namespace, key
    return _answered(triggers.answer_contract(contract))


def _answered(reply: Any) -> JSONResponse:
    return JSONResponse(dict(reply.body), reply.status)
