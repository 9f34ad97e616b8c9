"""The command line's contract: JSON, exit codes, errors, help."""
import json
import re
import subprocess

import pytest

from harness.cli import Cli, CliError
from harness.sekisho import BIN, DEMO
from harness.smtp import compose

VERBS = ["login", "submit", "trace", "mail list", "mail recall", "hold list", "hold release", "hold drop", "approval list",
         "approval approve", "approval reject", "queue summary", "cert import", "cert list", "policy check",
         "policy explain", "dlq list", "dlq show", "dlq redrive", "topic tail", "demo send"]
REFUSED, USAGE, NOT_ALLOWED, NO_SUCH, AWAY = 1, 2, 3, 4, 5
NOBODYS = "01900000-0000-7000-8000-000000000000"
SERVICES = ["standalone", "intake", "policy", "approval", "encryption", "delivery", "ledger"]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb):
    done = subprocess.run([BIN / "sekisho", *verb.split(), "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and verb.split()[-1] in done.stdout


def test_a_wrong_verb_is_a_usage_error():
    done = subprocess.run([BIN / "sekisho", "mail", "frobnicate"], capture_output=True, text=True, timeout=10)
    assert done.returncode == USAGE
    assert done.stdout == "" and "frobnicate" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell):
    done = subprocess.run([BIN / "sekisho", "completion", shell], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "approval" in done.stdout


def test_submit_prints_the_mail_id(demo, hanako, tmp_path):
    file = tmp_path / "mail.eml"
    file.write_bytes(compose("jiro@example.jp", subject="CLIから"))
    mail_id = hanako.submit(file, "hanako@example.jp", ["jiro@example.jp"])
    hanako.wait_state(mail_id, "delivered")
    assert mail_id in [m["mail_id"] for m in hanako.ask("mail", "list")]


def test_following_tells_each_step_once(hanako):
    done = hanako.run("demo", "send", "inside", "--follow")
    assert done.returncode == 0, done.stderr
    steps = [" ".join(line.split()[1:3]) for line in done.stdout.splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert {"intake accepted:", "delivery delivered:"} <= set(steps) <= {"intake accepted:", "policy judged:", "delivery delivered:"}
    assert len(steps) == len(set(steps)), steps


def test_a_sender_sees_only_own_mail(demo, hanako):
    mail_id = hanako.demo_send("inside")
    jiro = Cli(demo, "jiro@example.jp")
    with pytest.raises(CliError) as refused:
        jiro.trace(mail_id)
    assert refused.value.status in (NOT_ALLOWED, NO_SUCH)
    assert mail_id not in [m["mail_id"] for m in jiro.ask("mail", "list")]


def test_a_mail_that_does_not_exist_is_said(hanako):
    done = hanako.run("trace", NOBODYS)
    assert done.returncode == NO_SUCH and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_a_wrong_password_is_said_and_not_shown(demo):
    done = Cli(demo, "hanako@example.jp", password="not-the-password").run("mail", "list")
    assert done.returncode == NOT_ALLOWED
    assert done.stderr.strip() and "not-the-password" not in done.stderr + done.stdout


def test_a_server_that_is_not_there_is_said(demo):
    cli = Cli(demo, "hanako@example.jp")
    cli.environment["SEKISHO_SERVER"] = "127.0.0.1:1"
    done = cli.run("mail", "list")
    assert done.returncode == AWAY
    assert "127.0.0.1:1" in done.stderr


def test_login_keeps_a_token_that_only_its_owner_reads(demo, tmp_path):
    cli = Cli(demo, "hanako@example.jp")
    cli.environment["HOME"] = str(tmp_path)
    assert cli.run("login").returncode == 0
    del cli.environment["SEKISHO_USER"], cli.environment["SEKISHO_PASSWORD"]
    assert cli.run("mail", "list").returncode == 0
    kept = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert kept and all(f.stat().st_mode & 0o077 == 0 for f in kept)
    assert not any(b"sekisho-demo" in f.read_bytes() for f in kept)


def test_policy_check_tells_place_and_remedy(admin, tmp_path):
    assert admin.ask("policy", "check", DEMO / "policy.yaml")["valid"] is True
    broken = tmp_path / "policy.yaml"
    broken.write_text("name: broken\nrules:\n  - id: x\n    wen: {}\n", encoding="utf-8")
    done = admin.run("policy", "check", broken, "--json")
    assert done.returncode == REFUSED
    answer = json.loads(done.stdout)
    assert answer["valid"] is False
    assert answer["problems"][0]["line"] == 4 and "wen" in answer["problems"][0]["message"]


def test_policy_explain_tells_what_would_happen(admin, tmp_path):
    file = tmp_path / "mail.eml"
    file.write_bytes(compose(["x@shop.example", "jiro@example.jp"], text="社外秘です\r\n"))
    answer = admin.ask("policy", "explain", "--from", "hanako@example.jp", "--to", "x@shop.example", "--to", "jiro@example.jp", file)
    by_recipient = {r: d for d in answer["decisions"] for r in d["recipients"]}
    assert "confidential-needs-superior" in [r["rule"] for r in by_recipient["x@shop.example"]["reasons"]]
    assert "confidential-needs-superior" not in [r["rule"] for r in by_recipient["jiro@example.jp"]["reasons"]]


def test_a_sender_may_not_ask_what_admins_ask(hanako):
    for verb in (["policy", "check", DEMO / "policy.yaml"], ["queue", "summary"], ["dlq", "list"],
                 ["dlq", "show", NOBODYS], ["cert", "list"]):
        assert hanako.run(*verb).returncode == NOT_ALLOWED


def test_certificates(admin, tmp_path):
    listed = admin.ask("cert", "list")
    assert any("sato@partner.example" in c["addresses"] for c in listed)
    with pytest.raises(CliError) as refused:
        admin.ask("cert", "import", DEMO / "keys/server.pem")
    assert refused.value.status == REFUSED and refused.value.stderr.strip()


def test_operators_see_queues(admin):
    assert isinstance(admin.ask("queue", "summary"), (list, dict))
    assert admin.ask("dlq", "list") == []
    for verb in ("show", "redrive"):
        done = admin.run("dlq", verb, NOBODYS)
        assert done.returncode == NO_SUCH and NOBODYS in done.stderr
        assert admin.run("dlq", verb, "not-an-id").returncode == REFUSED


@pytest.mark.parametrize("service", SERVICES)
def test_each_binary_tells_its_version(service):
    done = subprocess.run([BIN / f"sekisho-{service}", "--version"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and "0.1.0" in done.stdout
