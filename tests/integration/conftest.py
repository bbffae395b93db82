"""One storage service for the tests that look into it; each module finds it empty."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from devhost.azurite import Azurite
from shared import queues


@pytest.fixture(scope="session")
def azurite_server() -> Iterator[Azurite]:
    """The service, for all modules of this process: to start it costs seconds."""
    with Azurite.on_free_ports() as running:
        yield running


@pytest.fixture(scope="module")
def azurite(azurite_server: Azurite) -> Azurite:
    """The service without a queue and without a blob."""
    text = azurite_server.connection_string
    with QueueServiceClient.from_connection_string(text, api_version=queues.API_VERSION) as service:
        for queue in list(service.list_queues()):
            service.delete_queue(queue)
    with BlobServiceClient.from_connection_string(text, api_version=queues.API_VERSION) as service:
        for container in list(service.list_containers()):
            service.delete_container(container)
    return azurite_server
