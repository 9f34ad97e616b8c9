"""The `sekisho` command as a script uses it: one method a verb, --json parsed."""
import json
import os
import subprocess

from harness.sekisho import BIN, PASSWORD, ROOT
from harness.waiting import until

TERMINAL = {"delivered", "relayed", "bounced", "rejected", "recalled", "expired", "dropped"}
WAITING = {"accepted", "judged", "held", "awaiting_approval", "sealing", "delivering", "deferred", "parked"}


class CliError(Exception):
    def __init__(self, arguments, done):
        super().__init__(f"sekisho {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        self.status = done.returncode
        self.stderr = done.stderr


class Cli:
    def __init__(self, server, user, password=PASSWORD):
        self.server = server
        self.user = user
        self.environment = dict(os.environ, HOME=str(server.folder), SEKISHO_USER=user, SEKISHO_PASSWORD=password,
                                SEKISHO_SERVER=f"127.0.0.1:{server.ports['rpc']}")
        if server.ca_file:
            self.environment["SEKISHO_CA"] = str(server.ca_file)

    def run(self, *arguments, stdin=None):
        """Runs it from the top folder; returns the completed process, whatever its status."""
        return subprocess.run([BIN / "sekisho", *map(str, arguments)], cwd=ROOT, env=self.environment, input=stdin,
                              capture_output=True, text=not isinstance(stdin, bytes), timeout=60)

    def ask(self, *arguments, stdin=None):
        """Runs it with --json; returns what it prints, parsed. Raises CliError unless it succeeds."""
        arguments = [*map(str, arguments), "--json"]
        done = self.run(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise CliError(arguments, done)
        return json.loads(done.stdout)

    def demo_send(self, name):
        return self.ask("demo", "send", name)["mail_id"]

    def submit(self, raw_file, mail_from, recipients):
        to = [argument for recipient in recipients for argument in ("--to", recipient)]
        return self.ask("submit", "--from", mail_from, *to, raw_file)["mail_id"]

    def trace(self, mail_id):
        return self.ask("trace", mail_id)

    def states(self, mail_id):
        """{address: state}"""
        return {r["address"]: r["state"] for r in self.trace(mail_id)["recipients"]}

    def wait_state(self, mail_id, state, seconds=20.0):
        """Waits until every recipient is in `state`; returns the trace."""
        def reached():
            trace = self.trace(mail_id)
            states = {r["state"] for r in trace["recipients"]}
            if states & TERMINAL and states <= TERMINAL and states != {state}:
                raise AssertionError(f"ended as {states}, not {state}: {json.dumps(trace, ensure_ascii=False, indent=1)}")
            return trace if states == {state} else None
        return until(reached, f"{mail_id} is {state}", seconds, interval=0.05)

    def wait_state_of(self, mail_id, states, seconds=20.0):
        """Waits until the recipients are in these {address: state}; returns the trace."""
        def reached():
            trace = self.trace(mail_id)
            return trace if {r["address"]: r["state"] for r in trace["recipients"]} == states else None
        return until(reached, f"{mail_id} is {states}", seconds, interval=0.05)

    def holds(self, mail_id):
        """The waiting parcels of one mail that this user may release."""
        return [h for h in self.ask("hold", "list") if h["mail_id"] == mail_id]

    def approvals(self, mail_id):
        """The parcels of one mail that wait for this user."""
        return [a for a in self.ask("approval", "list") if a["mail_id"] == mail_id]

    def release(self, parcel_id):
        return self.ask("hold", "release", parcel_id)

    def recall(self, mail_id):
        """{address: answer}"""
        return {r["address"]: r["answer"] for r in self.ask("mail", "recall", mail_id)["recipients"]}

    def approve(self, parcel_id):
        return self.ask("approval", "approve", parcel_id)

    def reject(self, parcel_id, comment):
        return self.ask("approval", "reject", parcel_id, "--comment", comment)
