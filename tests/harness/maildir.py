"""What arrived at the demo's sink: <folder>/{inside,outside}/<recipient>/new/."""
import email
import email.policy
import pathlib

from harness.waiting import until


class Maildir:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def raw(self, side, recipient):
        """The octets of every mail that arrived for `recipient`, oldest first."""
        new = self.folder / side / recipient / "new"
        files = sorted(new.iterdir(), key=lambda f: (f.stat().st_mtime_ns, f.name)) if new.is_dir() else []
        return [f.read_bytes() for f in files]

    def messages(self, side, recipient):
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw(side, recipient)]

    def wait(self, side, recipient, where=lambda message: True, seconds=15.0):
        """The first mail for `recipient` that `where` accepts; waits for it."""
        def found():
            return [m for m in self.messages(side, recipient) if where(m)]
        return until(found, f"a mail for {recipient} {side}", seconds)[0]

    def recipients(self, side):
        folder = self.folder / side
        return sorted(f.name for f in folder.iterdir()) if folder.is_dir() else []


def text_of(message):
    """All readable text of a message: decoded subject and text parts."""
    parts = [str(message["subject"] or "")]
    parts += [p.get_content() for p in message.walk() if p.get_content_maintype() == "text"]
    return "\n".join(parts)
