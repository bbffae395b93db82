"""htmx is in what is deployed, or the deployment says what is missing."""

import pytest

from deploy import htmx, package
from deploy.console import DeployError


def test_htmx_is_put_where_the_package_takes_it_from(tmp_path):
    """From where npm has put it; a file of before is replaced."""
    for path, text in ((htmx.FROM, "new"), (htmx.TO, "old")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    htmx.put_in_place(tmp_path)
    assert (tmp_path / htmx.TO).read_text() == "new"


def test_missing_htmx_is_told(tmp_path):
    """With what to do about it."""
    with pytest.raises(DeployError, match="make setup"):
        htmx.put_in_place(tmp_path)


def test_package_has_it():
    """It is named to be deployed."""
    htmx.put_in_place()
    assert htmx.TO in package.files()
