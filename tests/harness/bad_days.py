"""Bad days for separate services: what an operator fears, in an order that a seed gives, with something that starts again what
died, as Kubernetes would. Everything is done by the thread that calls: a process dies with the thread that started it."""
import collections
import signal
import time

from harness.waiting import until

# What happens in a round of 25, shuffled.
ROUND = {"kill": 13, "zombie": 2, "drain": 3, "broker": 2, "database": 3, "objects": 2}


class BadDays:
    def __init__(self, server, back_ends, rng):
        self.server, self.back_ends, self.rng = server, back_ends, rng
        self.held = {}  # what is down or paused on purpose: {process holder: when it comes back}
        self.back = {}  # and how
        self.draining = set()
        self.restarts = collections.Counter()  # exits of their own, by name: a start while the database is away is refused
        self.crashes = []
        self.counts = collections.Counter()

    def live_through(self, days, pause):
        """So many bad days, up to `pause` seconds apart."""
        kinds = []
        for _ in range(days):
            if not kinds:
                kinds = [kind for kind, count in ROUND.items() for _ in range(count)]
                self.rng.shuffle(kinds)
            self._pass(self.rng.uniform(0.05, pause))
            self._await_database()
            kind = kinds.pop()
            getattr(self, f"_{kind}")()
            self.counts[kind] += 1

    def recover(self, seconds=120):
        """All is up again, and ready."""
        def up():
            self.tend()
            return not self.held and not self.draining
        until(up, "what was down is started again", 60, interval=0.05)
        self.back_ends.postgres.await_ready()
        self.back_ends.kafka.await_ready()

        def ready():
            self.tend()
            return all(self.server.http("/readyz", replica)[0] == 200 for replica in self.server.replicas)
        until(ready, "every process is ready", seconds, interval=0.2)

    def tend(self):
        """What is to be done by now."""
        now = time.monotonic()
        for holder in [h for h, due in self.held.items() if due <= now]:
            del self.held[holder]
            self.back.pop(holder)()
        for replica in [r for r in self.draining if r.process.poll() is not None]:
            self.draining.remove(replica)
            self._note_exit(replica)
            replica.process = None
            self._hold(replica, self.rng.uniform(0, 2), replica.start)
        for server in [*self.server.replicas, self.back_ends.postgres, self.back_ends.kafka, self.back_ends.objects]:
            if server in self.held or server in self.draining or server.process.poll() is None:
                continue
            self._note_exit(server)
            self.restarts[server.name] += 1
            self._hold(server, 0.5, getattr(server, "launch", server.start))

    def _note_exit(self, server):
        if server.process.returncode not in (0, 1):
            self.crashes.append(f"{server.name} exited with {server.process.returncode}:\n{server.log()[-2000:]}")

    def _hold(self, holder, seconds, back):
        self.held[holder] = time.monotonic() + seconds
        self.back[holder] = back

    def _pass(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tend()
            time.sleep(0.02)

    def _one_up(self):
        def found():
            self.tend()
            return [r for r in self.server.replicas if r not in self.held and r not in self.draining]
        return self.rng.choice(until(found, "a replica is up", interval=0.05))

    def _await_database(self):
        """Once it is started again: its recovery may be long, and while it lasts nothing is started or sent that could be hit."""
        postgres = self.back_ends.postgres
        until(lambda: self.tend() or postgres in self.held or postgres.answers(), "the database has recovered", 120, interval=0.1)

    def _await_up(self, server):
        until(lambda: self.tend() or server not in self.held, f"{server.name} is up", interval=0.05)

    # --- the days ---

    def _kill(self):
        replica = self._one_up()
        replica.kill()
        self._hold(replica, self.rng.uniform(0, 1.5), replica.start)

    def _zombie(self):
        """It stands still until its session and its leases are over, then goes on in the middle of what it did."""
        replica = self._one_up()
        replica.pause()
        self._hold(replica, self.rng.uniform(7, 10), replica.resume)

    def _drain(self):
        """Its partitions go to the others, and come back."""
        replica = self._one_up()
        replica.process.send_signal(signal.SIGTERM)
        self.draining.add(replica)

    def _broker(self):
        kafka = self.back_ends.kafka
        self._await_up(kafka)
        kafka.kill()
        self._hold(kafka, self.rng.uniform(0, 2), kafka.launch)

    def _database(self):
        """As if its machine had died: nothing is rolled back in order, no connection is closed in order."""
        postgres = self.back_ends.postgres
        self._await_up(postgres)
        postgres.end(signal.SIGQUIT)
        self._hold(postgres, self.rng.uniform(0, 2), postgres.launch)

    def _objects(self):
        objects = self.back_ends.objects
        self._await_up(objects)
        objects.pause()
        self._hold(objects, self.rng.uniform(1, 4), objects.resume)
