"""Postfix as the anchor: a set-up of our own for where the shared script is absent. Needs root, postfix and opendkim."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import time

from load import children_cpu, free_ports, listening, timed_load

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
config_directory = {folder}/conf
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
myhostname = gw.example.test
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_event_limit_exceptions = 127.0.0.0/8
default_process_limit = 100
in_flow_delay = 0
max_use = 10000
qmgr_message_active_limit = 50000
qmgr_message_recipient_limit = 50000
initial_destination_concurrency = 50
default_destination_concurrency_limit = 50
default_destination_concurrency_failed_cohort_limit = 0
local_recipient_maps =
"""
MASTER = """127.0.0.1:{smtpd} inet n - n - - smtpd{options}
127.0.0.1:{reinject} inet n - n - - smtpd -o content_filter= -o smtpd_milters= -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
scan unix - - n - - smtp -o disable_mime_output_conversion=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
OPTIONS = {
    "plain": "",
    "accept": " -o smtpd_client_restrictions=check_client_access,static:HOLD",
    "filter": " -o content_filter=scan:[127.0.0.1]:{reinject} -o receive_override_options=no_address_mappings",
    "opendkim": " -o smtpd_milters=inet:127.0.0.1:{milter} -o milter_default_action=tempfail",
}


@contextlib.contextmanager
def opendkim(folder, port):
    subprocess.run(["openssl", "genrsa", "-out", folder / "dkim.key", "2048"], check=True, capture_output=True)
    (folder / "dkim.key").chmod(0o600)
    (folder / "opendkim.conf").write_text(f"Mode s\nDomain example.jp\nSelector t\nKeyFile {folder}/dkim.key\nCanonicalization relaxed/relaxed\n"
                                          f"SignatureAlgorithm rsa-sha256\nInternalHosts 127.0.0.1\nSocket inet:{port}@127.0.0.1\n"
                                          "Syslog no\nRequireSafeKeys no\n")
    process = subprocess.Popen(["opendkim", "-f", "-x", folder / "opendkim.conf", "-P", folder / "opendkim.pid"])
    listening(port)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def postfix(folder, mode, sink_port):
    """Yields (port, pids whose CPU counts)."""
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("conf", "spool", "data"):
        (folder / name).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    smtpd, reinject, milter = free_ports(3)
    (folder / "conf/main.cf").write_text(MAIN.format(folder=folder, sink=sink_port))
    options = OPTIONS[mode].format(reinject=reinject, milter=milter)
    (folder / "conf/master.cf").write_text(MASTER.format(smtpd=smtpd, reinject=reinject, options=options))
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(opendkim(folder, milter))] if mode == "opendkim" else []
        subprocess.run(["postfix", "-c", folder / "conf", "start"], check=True, capture_output=True)
        master = int((folder / "spool/pid/master.pid").read_text())
        try:
            listening(smtpd)
            yield smtpd, [master, *pids]
        finally:
            subprocess.run(["postfix", "-c", folder / "conf", "stop"], capture_output=True)
            while os.path.exists(f"/proc/{master}"):
                time.sleep(0.05)


def measure(folder, mode, count):
    """(mails per second, CPU seconds per 1,000) of one round."""
    [sink_port] = free_ports(1)
    with postfix(folder, mode, sink_port) as (port, pids):
        return timed_load(port, None if mode == "accept" else sink_port, count, lambda: sum(map(children_cpu, pids)))
