"""Shows that tools/check_layers fails on each violation, and passes what is allowed."""
import pathlib
import subprocess
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools/check_layers"


class CheckLayersTest(unittest.TestCase):
    def check(self, files):
        """Runs the tool on a tree of these {path: text}; returns its exit status and output."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                target = pathlib.Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            done = subprocess.run([CHECK, folder], capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.returncode, done.stdout

    def assert_refused(self, path, text, words):
        status, output = self.check({path: text})
        self.assertEqual(status, 1)
        self.assertIn(path, output)
        self.assertIn(words, output)

    def assert_allowed(self, path, text):
        self.assertEqual(self.check({path: text}), (0, ""))

    def test_lower_levels_are_allowed(self):
        self.assert_allowed("shared/bus/bus.h", '#include "shared/store/store.h"\n#include "shared/base/result.h"\n')
        self.assert_allowed("services/policy/domain/rule.h", '#include "shared/mime/message.h"\n#include <re2/re2.h>\n')
        self.assert_allowed("services/standalone/app.cc", '#include "services/policy/app.h"\n')

    def test_a_higher_level_is_refused(self):
        self.assert_refused("shared/store/x.cc", '#include "shared/bus/bus.h"\n', "level 1 (store) includes level 2 (bus)")

    def test_the_same_level_is_refused_unless_granted(self):
        self.assert_refused("shared/mime/x.cc", '#include "shared/crypto/cms.h"\n', "level 1 (mime) includes level 1")

    def test_a_module_without_a_level_is_refused(self):
        self.assert_refused("shared/misc/x.h", '#include "shared/base/ids.h"\n', "has no level")

    def test_shared_including_a_service_is_refused(self):
        self.assert_refused("shared/stage/x.cc", '#include "services/policy/app.h"\n', "does not know services")

    def test_a_service_including_another_is_refused(self):
        self.assert_refused("services/policy/app.cc", '#include "services/intake/app.h"\n', "includes service intake")

    def test_an_impure_domain_is_refused(self):
        path = "services/approval/domain/machine.cc"
        self.assert_refused(path, '#include "shared/store/store.h"\n', "not pure")
        self.assert_refused(path, '#include "shared/smtp/client.h"\n', "not pure")
        self.assert_allowed(path, '#include "shared/smtp/address.h"\n')
        self.assert_refused(path, '#include "services/approval/adapters/rpc.h"\n', "only pure modules and itself")
        self.assert_refused(path, "#include <thread>\n", "no I/O, threads or clocks")
        self.assert_refused(path, '#include "shared/base/worker_pool.h"\n', "no I/O, threads or clocks")
        self.assert_refused(path, "auto now = std::chrono::system_clock::now();\n", "reads no clock")

    def test_a_wrapped_library_elsewhere_is_refused(self):
        self.assert_refused("shared/bus/log.cc", "#include <sqlite3.h>\n", "only shared/store may include")
        self.assert_refused("shared/bus/log.cc", "#include <libpq-fe.h>\n", "only shared/store may include")
        self.assert_refused("services/policy/app.cc", "#include <gmime/gmime.h>\n", "only shared/mime may include")
        self.assert_refused("services/intake/app.cc", "# include <openssl/ssl.h>\n", "may include this library")

    def test_including_tests_is_refused(self):
        self.assert_refused("services/intake/app.cc", '#include "tests/support/peer.h"\n', "only tests and benches include tests")
        self.assert_refused("shared/bus/x.cc", '#include "shared/testing/fake_clock.h"\n', "only tests and benches include tests")
        self.assert_allowed("tests/unit/shared/bus/x_test.cc", '#include "shared/testing/fake_clock.h"\n')

    def test_the_command_line_including_a_service_is_refused(self):
        self.assert_refused("cli/main.cc", '#include "services/policy/domain/rule.h"\n', "speaks gRPC only")

    def test_generated_code_is_refused(self):
        self.assert_refused("proto/sekisho/mail/v1/mail.pb.h", "", "not committed")
        self.assert_refused("tests/harness/mail_pb2.py", "", "not committed")

    def test_a_long_main_is_refused(self):
        self.assert_refused("services/intake/main.cc", "\n" * 41, "longer than 40 lines")


if __name__ == "__main__":
    unittest.main()
