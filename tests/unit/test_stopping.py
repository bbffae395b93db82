"""SIGTERM: who listened before still hears it, and a process that nobody else ends does so when it is idle."""

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(program: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own."""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_who_listened_before_still_hears_it():
    """The host's own handler is called, after work has been told to begin nothing new."""
    done = run(
        "import os, signal\n"
        "from shared import stopping\n"
        "signal.signal(signal.SIGTERM, lambda number, _frame: print('host', number, stopping.is_asked()))\n"
        "stopping.install(); stopping.install()\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    assert (done.stdout, done.returncode) == (f"host {signal.SIGTERM.value} True\n", 0), done.stderr


def test_process_ends_after_its_work():
    """Where nobody listened, the signal ends the process, but not in the middle of a call."""
    done = run(
        "import os, signal, time\n"
        "from shared import stopping\n"
        "stopping.install()\n"
        "with stopping.work():\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(0.2)\n"
        "    print('finished', flush=True)\n"
        "time.sleep(50)\n"
    )
    assert (done.stdout, done.returncode) == ("finished\n", 128 + signal.SIGTERM), done.stderr


def test_other_threads_do_not_install_it():
    """Only the main thread can; elsewhere nothing happens."""
    done = run(
        "import signal, threading\n"
        "from shared import stopping\n"
        "thread = threading.Thread(target=stopping.install); thread.start(); thread.join()\n"
        "print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)\n"
    )
    assert done.stdout == "True\n", done.stderr
