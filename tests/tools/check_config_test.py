"""Shows that tools/check_config fails on a key that nothing reads."""
import pathlib
import subprocess
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools/check_config"


class CheckConfigTest(unittest.TestCase):
    def check(self, proto, source, where="services/intake/app.cc"):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in {"proto/sekisho/config/v1/config.proto": proto, where: source}.items():
                target = pathlib.Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            done = subprocess.run([CHECK, folder], capture_output=True, text=True)
            self.assertEqual(done.stderr, "")
            return done.returncode, done.stdout

    def test_a_key_that_is_read_is_fine(self):
        for source in ("limit = config.max_backlog();", "limit = config->max_backlog();", "if (config.has_max_backlog()) {}"):
            self.assertEqual(self.check("  uint64 max_backlog = 6;  // records", source), (0, ""))

    def test_a_key_that_nothing_reads_is_named(self):
        status, output = self.check("  uint64 max_backlog = 6;\n  repeated Route routes = 7;\n", "config.max_backlog();")
        self.assertEqual(status, 1)
        self.assertIn("routes: no code reads this key", output)
        self.assertNotIn("max_backlog", output)

    def test_checking_a_key_is_not_reading_it(self):
        self.assertEqual(self.check("  uint64 max_backlog = 6;", "config.max_backlog();", "shared/config/sekisho.cc")[0], 1)

    def test_values_of_an_enum_are_no_keys(self):
        self.assertEqual(self.check("  Kind kind = 3;\n  RELAY = 3;\n  reserved 4;\n", "listener.kind();"), (0, ""))

    def test_a_file_without_keys_is_suspect(self):
        self.assertEqual(self.check("", "")[0], 1)


if __name__ == "__main__":
    unittest.main()
