"""How long recipients and uploaded lists are kept."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, select

from functions.broadcasts.states import OPEN
from functions.broadcasts.tables import Execution, Recipient, Upload, UploadProblem, UploadRow
from shared.retention_rules import DaysOf, Rule

_DAYS = DaysOf("retention_broadcast_days")


def _of_old_execution(before: datetime) -> ColumnElement[bool]:
    over = select(Execution.id).where(Execution.updated_at < before, Execution.status.not_in(OPEN))
    return Recipient.execution_id.in_(over)


def _old_upload(before: datetime) -> ColumnElement[bool]:
    return UploadRow.upload_id.in_(select(Upload.id).where(Upload.updated_at < before, Upload.state != "reading"))


def _old_problem(before: datetime) -> ColumnElement[bool]:
    return UploadProblem.upload_id.in_(select(Upload.id).where(Upload.updated_at < before, Upload.state != "reading"))


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "recipients of broadcasts": Rule(Recipient, Recipient.created_at, _DAYS, _of_old_execution),
        "rows of uploaded lists": Rule(UploadRow, UploadRow.created_at, _DAYS, _old_upload),
        "problems of uploaded lists": Rule(UploadProblem, UploadProblem.created_at, _DAYS, _old_problem),
    }
)
