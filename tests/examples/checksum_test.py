#!/usr/bin/env python3
"""checksum_test.py PROGRAM EXECUTOR: what it writes is what sha256sum writes and checks, in an order that stays; what
can't be read is reported and counted, and the rest is done. Whatever runs its blocking calls."""
import fcntl
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
EXECUTOR = sys.argv.pop(1)
COMMAND = (PROGRAM, "--executor", EXECUTOR)
ERASE = b"\r\x1b[K"


def make_tree(root):
    """Names that need care in the order or in the output; more files than are read ahead; what is no file."""
    files = {
        b" leading and trailing ": b"x",
        b"-leading dash": b"x",
        b"--workers": b"x",
        b"*": b"x",
        b"\\": b"a backslash alone",
        b"back\\slash": b"x",
        b"new\nline": b"x",
        b"carriage\rreturn": b"x",
        b"both\\n\n": b"x",
        b"not utf-8 \xff\xfe": b"x",
        "größe".encode(): b"x",
        b"a" * 255: b"x",
        b"empty": b"",
        b".hidden": b"x",
        # A folder's files come where its name with a '/' comes: behind "d-e", before "d0".
        b"d/inside": b"x",
        b"d-e": b"x",
        b"d0": b"x",
        b"d/d/d/deep": b"x",
        b"new\nfolder/back\\slash": b"x",
        b"-/-": b"x",
        # The first of many takes longest, and more than one read.
        b"many/0000": bytes(range(256)) * 40_000,
        b"one block": bytes(64 * 1024),
        b"one block and a byte": bytes(64 * 1024 + 1),
    }
    files.update({b"many/%04d" % i: b"%d" % i for i in range(1, 2500)})
    for name, content in files.items():
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    os.makedirs(os.path.join(root, b"empty folder"))
    os.symlink(b"..", os.path.join(root, b"d/loop"))
    os.symlink(b"empty", os.path.join(root, b"link to a file"))
    os.symlink(b"nowhere", os.path.join(root, b"broken link"))
    os.mkfifo(os.path.join(root, b"pipe"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(root, b"socket"))


def expected(root, **where):
    find = subprocess.run(["find", root, "-type", "f", "-print0"], stdout=subprocess.PIPE, check=True, **where)
    names = sorted(find.stdout.split(b"\0")[:-1])
    return subprocess.run(["xargs", "-0", "--no-run-if-empty", "sha256sum", "--"], input=b"\0".join(names),
                          stdout=subprocess.PIPE, check=True, **where).stdout


class Checksum(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="checksum_test.")
        self.addCleanup(self.scratch.cleanup)
        os.chmod(self.scratch.name, 0o755)  # another user must get at it
        self.tree = os.path.join(self.scratch.name, "tree")
        os.mkdir(self.tree)

    def run_program(self, *arguments, program=COMMAND, **more):
        return subprocess.run([*program, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, **more)

    def expect_output(self, ended, output):
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        self.assertTrue(ended.stdout == output, "not what sha256sum writes in the order of the paths")

    def write(self, name, content=b"x"):
        path = pathlib.Path(self.tree, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


class Output(Checksum):
    def test_is_what_sha256sum_writes_and_checks_with_any_number_of_workers(self):
        make_tree(self.tree.encode())
        output = expected(self.tree)
        self.assertGreater(output.count(b"\n"), 2500)
        many = "--workers=64" if EXECUTOR == "thread" else "--workers=8"
        for workers in ([], ["--workers", "1"], ["--workers", "3"], [many]):
            with self.subTest(workers=workers):
                ended = self.run_program(*workers, self.tree)
                self.expect_output(ended, output)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], input=ended.stdout, check=True)

    def test_is_the_same_with_the_default_executor(self):
        make_tree(self.tree.encode())
        self.expect_output(self.run_program(self.tree), self.run_program(self.tree, program=(PROGRAM,)).stdout)

    def test_default_is_the_systems_headers(self):
        self.expect_output(self.run_program(), expected("/usr/include"))

    def test_names_begin_with_what_was_given(self):
        self.write("a/b")
        self.write("-c/d")
        for given in (".", "a", "a/", "./a//", "..", self.tree + "/a"):
            with self.subTest(given=given):
                self.expect_output(self.run_program(given, cwd=self.tree), expected(given, cwd=self.tree))
        ended = self.run_program("--", "-c", cwd=self.tree)
        self.expect_output(ended, expected("./-c", cwd=self.tree).replace(b"./-c", b"-c"))

    def test_a_link_that_is_given_is_followed(self):
        self.write("a/b")
        os.symlink("a", self.tree + "/link")
        self.expect_output(self.run_program(self.tree + "/link"), expected(self.tree + "/link/"))

    def test_of_an_empty_folder_is_nothing(self):
        self.expect_output(self.run_program(self.tree), b"")

    def test_of_a_deep_tree(self):
        self.write("/".join(["d"] * 400) + "/file")
        self.expect_output(self.run_program(".", cwd=self.tree), expected(".", cwd=self.tree))


class Unread(Checksum):
    def as_somebody(self):
        """The program as a user to whom permissions apply; and a copy of it that he may run."""
        if os.geteuid() != 0:
            return COMMAND
        copy = os.path.join(self.scratch.name, "checksum")
        shutil.copy(PROGRAM, copy)
        return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, *COMMAND[1:])

    def test_is_reported_and_counted_and_the_rest_is_done(self):
        names = ["a", "b", "c", "d/e", "f"]
        for name in names:
            self.write(name, name.encode())
        closed = self.write("closed\nfile")
        shut = self.write("shut/inside").parent
        output = expected(self.tree).splitlines()
        rest = [line for line in output if not line.endswith((b"closed\\nfile", b"shut/inside"))]
        self.assertEqual(len(rest), len(names))
        closed.chmod(0)
        shut.chmod(0)
        self.addCleanup(shut.chmod, 0o700)
        for workers in ("1", "3"):
            ended = self.run_program("--workers", workers, self.tree, program=self.as_somebody())
            self.assertEqual(ended.returncode, 1)
            self.assertEqual(ended.stdout.splitlines(), rest)
            self.assertCountEqual(ended.stderr.decode().splitlines(), [
                f"checksum: {self.tree}/closed\\nfile: Permission denied",
                f"checksum: {self.tree}/shut/: Permission denied",
                "checksum: could not read 1 files and 1 folders"])

    def test_root_is_reported(self):
        os.chmod(self.tree, 0)
        self.addCleanup(os.chmod, self.tree, 0o700)
        ended = self.run_program(self.tree, program=self.as_somebody())
        self.assertEqual((ended.returncode, ended.stdout), (1, b""))
        self.assertEqual(ended.stderr.decode().splitlines(), [
            f"checksum: {self.tree}/: Permission denied", "checksum: could not read 0 files and 1 folders"])


class Terminal(Checksum):
    BAR = re.compile(rb"(\[#* *\] )?(\d+)(/\d+)? files  \d+\.\d MB/s  (\?|\d+:\d\d:\d\d) left")

    def on_terminal(self, columns, stdout=None):
        """What a terminal shows of the program, whose stdout goes to a file, or there too."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen([*COMMAND, self.tree], stdout=stdout or theirs, stderr=theirs) as program:
            os.close(theirs)
            shown = b""
            while True:
                try:
                    read = os.read(ours, 65536)
                except OSError:  # EIO: nobody has it open any more
                    break
                if not read:
                    break
                shown += read
        os.close(ours)
        self.assertEqual(program.returncode, 0)
        return shown.replace(b"\r\n", b"\n")

    def expect_end(self, line):
        self.assertRegex(line, rb"^2 files, 0\.1 MB in \d+\.\d s, \d+\.\d MB/s$")

    def test_shows_files_speed_and_time_left(self):
        self.write("a")
        self.write("b", bytes(100_000))
        with open(self.scratch.name + "/sums", "w+b") as sums:
            shown = self.on_terminal(80, stdout=sums)
            sums.seek(0)
            self.assertEqual(sums.read(), expected(self.tree))
        nothing_yet, *bars = shown.split(ERASE)
        self.assertEqual(nothing_yet, b"")
        *bars, end = [bar for bar in bars if bar]
        self.assertEqual(bars[0].replace(b"  ", b"").replace(b"[ ]", b"[]"), b"[] 0 files0.0 MB/s? left")
        for bar in bars:
            self.assertRegex(bar, self.BAR)
            self.assertLessEqual(len(bar), 79)
        self.assertTrue(end.endswith(b"\n"))
        self.expect_end(end[:-1])

    def test_lines_and_bar_on_one_terminal_do_not_mix(self):
        self.write("a")
        self.write("b", bytes(100_000))
        shown = self.on_terminal(80)
        self.assertRegex(shown, self.BAR)
        *lines, end, behind = [line.rpartition(ERASE)[2] for line in shown.split(b"\n")]
        self.assertEqual(lines, expected(self.tree).splitlines())
        self.expect_end(end)
        self.assertEqual(behind, b"")

    def test_is_never_wider_than_the_terminal(self):
        self.write("a")
        with open(os.devnull, "wb") as nowhere:
            bars = self.on_terminal(12, stdout=nowhere).split(ERASE)
        for bar in bars[1:-1]:
            self.assertLessEqual(len(bar), 11)
        self.assertEqual(bars[1], b" 0 files  0")


class Stdout(Checksum):
    def test_without_a_reader_ends_quietly(self):
        for i in range(2000):
            self.write(f"{i}")
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as stdout:
            ended = subprocess.run([*COMMAND, self.tree], stdout=stdout, stderr=subprocess.PIPE, check=False)
        self.assertNotEqual(ended.returncode, 0)
        self.assertEqual(ended.stderr, b"")

    def test_closed_ends_quietly(self):
        self.write("a")
        ended = self.run_program(self.tree, program=("sh", "-c", 'exec "$@" >&-', "sh", *COMMAND))
        self.assertEqual((ended.returncode, ended.stderr), (1, b""))

    def test_on_a_full_disk_is_an_error(self):
        self.write("a")
        with open("/dev/full", "wb") as full:
            ended = subprocess.run([*COMMAND, self.tree], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual((ended.returncode, ended.stderr),
                         (1, b"checksum: standard output: No space left on device\n"))


class Killed(Checksum):
    def test_leaves_no_process_behind(self):
        for i in range(2000):  # more than fits into the pipe
            self.write(f"{i}")
        for by, send, status in ((signal.SIGINT, os.killpg, 130),  # Ctrl-C goes to all at once
                                 (signal.SIGKILL, os.kill, -signal.SIGKILL)):
            with self.subTest(by=by):
                with subprocess.Popen([*COMMAND, "--workers", "2", self.tree], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      start_new_session=True) as program:
                    self.assertNotEqual(program.stdout.read(1), b"")
                    send(program.pid, by)
                    # Workers have both pipes open too: they end with the last process.
                    _, errors = program.communicate()
                self.assertEqual((program.returncode, errors), (status, b""))


class CommandLine(Checksum):
    def test_says_what_is_wrong(self):
        file = str(self.write("file"))
        for arguments, told in [
                (["--workers", "0"], ["--workers", "0", "1 to"]),
                (["--workers", "-1"], ["--workers", "-1", "1 to"]),
                (["--workers", "two"], ["--workers", "two", "1 to"]),
                (["--workers"], ["--workers"]),
                (["--executor", "fibres"], ["--executor", "fibres", "thread", "process"]),
                ([self.tree + "/no such folder"], ["DIR", "/no such folder", "Directory"]),
                ([file], ["DIR", file, "Directory"]),
                ([""], ["DIR", "Directory"]),
                ([self.tree, "another"], ["another"]),
                (["--frobnicate"], ["--frobnicate"])]:
            with self.subTest(arguments=arguments):
                ended = self.run_program(*arguments, program=(PROGRAM,))
                self.assertEqual((ended.returncode, ended.stdout), (2, b""))
                for word in told:
                    self.assertIn(word, ended.stderr.decode())

    def test_help(self):
        ended = self.run_program("--help", program=(PROGRAM,))
        self.assertEqual((ended.returncode, ended.stderr), (0, b""))
        for word in ("--executor", "--workers", "DIR", "/usr/include"):
            self.assertIn(word, ended.stdout.decode())


if __name__ == "__main__":
    unittest.main()
