"""`make run`: Azurite, the database, the sandbox of outside systems, the host, the demonstration; Ctrl-C ends them all."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from devhost.azurite import Azurite, AzuriteError
from local import (
    cart,
    contact,
    coordination,
    demo,
    desk,
    invoice,
    lead,
    meeting,
    onboarding,
    outage,
    outside,
    payment,
    reminded,
    signed_in,
    ticket,
)
from local.ports import ROOT, STATE, Ports
from local.values import SettingsError, Values, api_key, database, read, second_key

START_SECONDS = 90
STOP_SECONDS = 30
WEBHOOK_DELAY_MS = 300
"""How long the outside systems take before they tell what became of a message: long enough to be seen, as in real life."""


class StartError(RuntimeError):
    """Something did not come up; the message says what, and where its log is."""


def main() -> int:
    """Run everything until Ctrl-C. Exit code 0 after that, 1 where something did not come up."""
    ports = Ports.from_environment()
    if taken := ports.taken():
        print("These ports on 127.0.0.1 are in use: " + ", ".join(taken) + ".", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ending us politely is the same as Ctrl-C
    try:
        with ExitStack() as started:
            _run(ports, started)
    except (StartError, AzuriteError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEverything is stopped. The data stays in .local/; `make clean` removes it.")
    return 0


def _run(ports: Ports, started: ExitStack) -> None:
    STATE.mkdir(exist_ok=True)
    started.enter_context(Azurite(ports.blob, ports.queue, ports.table, location=STATE / "azurite"))
    values = _values(ports)
    environment = values.environment
    _say("Azurite", f"http://127.0.0.1:{ports.queue}")
    if subprocess.run([sys.executable, "-m", "shared.store.migrate"], cwd=ROOT, env=environment, check=False).returncode:
        raise StartError("The database could not be brought to the newest schema; the reason stands above.")
    _say("Database", database(environment))
    sandbox_state = STATE / "sandbox.json"
    base_url, sandbox_url = f"http://127.0.0.1:{ports.host}", f"http://127.0.0.1:{ports.sandbox}"
    sandbox = [sys.executable, "-m", "sandbox", "--port", str(ports.sandbox), "--state", str(sandbox_state)]
    sandbox += ["--smtp-port", str(ports.smtp), "--app-url", base_url, "--webhook-delay-ms", str(WEBHOOK_DELAY_MS)]
    started.enter_context(_process("sandbox", sandbox, environment, f"{sandbox_url}/_sandbox/faults"))
    outside.teach(sandbox_url)
    _say("Sandbox", f"{sandbox_url}/ (shows what the outside systems were sent)")
    _say("Inboxes", f"{sandbox_url}/inbox (mails, messages and calls as their recipients have them)")
    name, command = _host_command(ports)
    host = started.enter_context(_process("host", command, environment, f"{base_url}/health"))
    _say("Host", f"{base_url} ({name}; API page at {base_url}/api/docs)")
    _say("Console", f"{base_url}/console (sign in with the key below)")
    _say("Logs", str(STATE.relative_to(ROOT)) + "/*.log")
    for what, sentence in values.lines():
        _say(what, sentence)
    _demonstrate(base_url, sandbox_url, environment)
    print("\nReady. Send your own events; Ctrl-C stops everything.", flush=True)
    code = host.wait()
    raise StartError(f"The host ended by itself with code {code}; its log is .local/host.log.")


def _demonstrate(base_url: str, sandbox_url: str, environment: Mapping[str, str]) -> None:
    """Show each flow at work with its stand-ins, and leave something on every page of the console."""
    demo.show(base_url, api_key(environment))
    visit = lead.Demo(base_url, sandbox_url)
    visit.show()
    asking = demo.asking(base_url, api_key(environment))
    payment.Demo(sandbox_url, asking).show(visit.visitor.name, visit.visitor.email)
    posting = demo.posting(base_url, api_key(environment))
    invoice.Demo(sandbox_url, posting, asking).show(visit.visitor.name, visit.visitor.email)
    cart.Demo(sandbox_url, asking).show(visit.visitor.name, visit.visitor.email)
    reminders = reminded.Demo(sandbox_url, posting, asking)
    reminders.leave(datetime.now(UTC))  # they are reminded of while the rest goes on
    contact.Demo(sandbox_url, asking).show(visit.visitor.name)
    ticket.Demo(sandbox_url, asking).show()
    onboarding.Demo(sandbox_url, asking).show()
    meeting.Demo(sandbox_url, posting, asking).show()
    coordination.Demo(sandbox_url, posting, asking).show()
    outage.Demo(sandbox_url, posting, asking).show()
    pressing = signed_in.pressing(base_url, api_key(environment))
    deciding = demo.posting(base_url, second_key(environment))
    desk.Demo(sandbox_url, posting, asking, pressing, deciding).show(visit.visitor.name, visit.visitor.phone)
    reminders.bought(environment)


def _values(ports: Ports) -> Values:
    try:
        return read(ROOT, ports, os.environ)
    except SettingsError as error:
        raise StartError(str(error)) from error


def _host_command(ports: Ports) -> tuple[str, list[str]]:
    """`func start` where Core Tools are installed, else devhost; HOST=devhost decides for it."""
    func = shutil.which("func")
    if func and os.environ.get("HOST") != "devhost":
        return "Azure Functions Core Tools", [func, "start", "--port", str(ports.host)]
    return "devhost", [sys.executable, "-m", "devhost", "--port", str(ports.host)]


@contextmanager
def _process(
    name: str, command: list[str], environment: Mapping[str, str], ready_url: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours from its first answer to its end; what it prints goes to `.local/<name>.log`."""
    log_path = STATE / f"{name}.log"
    with log_path.open("ab") as log:
        # A session of its own: Ctrl-C reaches only us, and we stop the processes in order.
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
    try:
        _wait_until_answering(name, process, ready_url)
        yield process
    finally:
        _stop(process)


def _wait_until_answering(name: str, process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"The {name} ended at once; its log is .local/{name}.log:\n{_tail(name)}")
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  # our own process on 127.0.0.1
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise StartError(f"The {name} did not answer within {START_SECONDS} s; its log is .local/{name}.log:\n{_tail(name)}")


def _tail(name: str) -> str:
    return "\n".join((STATE / f"{name}.log").read_text(errors="replace").splitlines()[-15:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _say(what: str, where: str) -> None:
    print(f"  {what:<9} {where}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
