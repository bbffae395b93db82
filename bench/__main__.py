"""`python -m bench [--quick] [--huge] [NAME...]`: run the benches, print one table, write one results file."""

import argparse
import importlib
import sys
import time

from bench import harness

BENCHES = {
    "intake": "accepted webhooks through the host, against raw messages to the same storage",
    "inbox": "events from the queue to committed SQL, against a bare receive-insert-delete loop",
    "sync": "from the accepted webhook to the lead in Odoo, against one direct call",
    "burst": "calls of Odoo for 1,000 stage changes of 100 people, against one call for each",
    "imports": "import time of function_app, against azure.functions",
    "memory": "peak memory of the host after the burst, against an idle host",
    "lists": "a page of 50 out of 1,000,000 contacts, against the same out of 10,000",
    "console": "pages of the console's lists with 1,000,000 rows, against 10,000",
    "reconcile": "the comparison of 100,000 opportunities with Odoo, against only reading the leads",
    "logs": "log bytes that an event writes at the default level, against the budget of 2 kB",
    "constants": "what an event takes of database and processor, against the constants of docs/scale.md",
    "retention": "rows that retention removes in a second, against what a million events a day leave",
    "kill": "seconds from a kill until another host has done what was under way, against the bars",
    "broadcasts": "recipients of a broadcast worked out and planned, against bare inserts",
    "control": "pause, resume, read and cancel of 1,000,000 recipients, against 10,000",
    "due": "steps of journeys dispatched with 1,000,000 future deliveries, against 10,000",
}


def main() -> int:
    """Run the benches that were asked for, all by default. Exit code 1 where one could not do its work."""
    arguments = _arguments()
    options = harness.Options(quick=arguments.quick, huge=arguments.huge)
    facts, results, failed = harness.machine(), {}, []
    for name in arguments.names or BENCHES:
        started = time.monotonic()
        print(f"{name}: {BENCHES[name]} ...", end=" ", flush=True)
        try:
            results[name] = importlib.import_module(f"bench.{name}").run(options)
            print(f"{time.monotonic() - started:.0f} s", flush=True)
        except (RuntimeError, TimeoutError) as error:  # what is started here reports its troubles as RuntimeError
            failed.append(name)
            print(f"FAILED: {error}", flush=True)
    print(f"\n{harness.table(results)}\n\n{harness.write(results, facts, options)}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure against baselines in the same run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small amounts, for a look")
    parser.add_argument("--huge", action="store_true", help="ten million rows, in the bench of the console's lists")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
