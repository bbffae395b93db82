"""The demonstration's coordination: a process begins in Flowable, its robot runs, its result completes the process's task."""

from datetime import UTC, datetime

from local.part import PostingPart, Row

REQUESTS, PATH = "/api/v1/coordinations/requests", "/api/v1/coordinations"


class Demo(PostingPart):
    """Asks for a process with its robot, under a business key of its own."""

    def show(self) -> bool:
        """Ask for it, and wait for the robot's result in the process; whether it came."""
        key = f"pedido-{datetime.now(UTC):%d%H%M%S}"
        print(f"\n  POST {REQUESTS}  ({key})")
        answer = self._post(REQUESTS, {"business_key": key, "payload": {"pedido": key, "monto": "1250.00"}})
        if "event_id" not in answer:
            print(f"    refused: {answer}")
            return False
        path, missing = f"{PATH}?business_key={key}", "coordination: did not come in time"
        if not self.came(path, lambda row: row["execution_id"] is not None, _started, missing):
            return False
        return self.came(path, lambda row: row["state"] == "done", _ended, missing)


def _started(row: Row) -> str:
    return f"started   process {row['process_id']} in Flowable, run {row['execution_id']} of the robot {row['bot']}"


def _ended(row: Row) -> str:
    return f"ended     the robot says {row['result_status']}; its result is in the process's task"
