#!/usr/bin/env python3
"""thumbnails_test.py PROGRAM [sanitized]: it makes the thumbnails of all good files, names what was wrong with each bad
one, and survives them all. `sanitized`: what a crash looks like is the sanitizer's affair."""
import os
import pathlib
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

PROGRAM = os.path.abspath(sys.argv.pop(1))
SANITIZED = sys.argv[1:2] == ["sanitized"]
if SANITIZED:
    sys.argv.pop(1)

# Of the picture, of its thumbnail of 128 pixels.
GOOD = {
    "circles.jpg": ((640, 480), (128, 96)),
    "circles.png": ((640, 480), (128, 96)),
    "gradient.png": ((300, 200), (128, 85)),
    "large.jpg": ((4000, 3000), (128, 96)),
    "small.png": ((16, 16), (16, 16)),
    "tall.jpg": ((100, 900), (14, 128)),
    "with_comment.png": ((640, 480), (128, 96)),
}
# Where the words are libjpeg's or libpng's, any.
BAD = {
    "bomb.png": r"60000x60000 are too many pixels",
    "bug_crash.png": r".+" if SANITIZED else r"killed by SIGSEGV: address 0x0 is not mapped",
    "bug_file.jpg": r"killed: its sandbox forbids openat",
    "bug_memory.png": r"killed by SIGKILL: out of memory: .* \(2 times the worker_memory_limit of 256\.0 MiB\)",
    "bug_network.png": r"killed: its sandbox forbids socket",
    "empty.jpg": r"neither JPEG nor PNG",
    "no_picture.png": r"neither JPEG nor PNG",
    "scrambled.jpg": r".+",
    "scrambled.png": r".+",
    "truncated.jpg": r".+",
    "truncated.png": r".+",
}
HANGS = "bug_hang.jpg"
# Longer than anything takes on any machine; only what hangs is tried with less.
UNHURRIED = ("--timeout", "300")


def decoded(path):
    """Width, height, and the rows of (red, green, blue); fails where it is no whole PNG file of that kind."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} has no PNG signature"
    at, chunks = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8:at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + content), f"{path}: a wrong sum"
        chunks.append((kind, content))
        at += 12 + length
    assert chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b""), f"{path} is not whole"
    width, height, *how = struct.unpack(">IIBBBBB", chunks[0][1])
    assert how == [8, 2, 0, 0, 0], f"{path} is not RGB of 8 bits"
    packed = zlib.decompress(b"".join(content for kind, content in chunks if kind == b"IDAT"))
    assert len(packed) == height * (1 + 3 * width), f"{path} has not all of its pixels"
    return width, height, unfiltered(packed, width, height)


def unfiltered(packed, width, height):
    """As the standard of PNG has it, of 3 bytes a pixel."""
    rows, above = [], bytes(3 * width)
    for y in range(height):
        kind, *row = packed[y * (1 + 3 * width):(y + 1) * (1 + 3 * width)]
        for i in range(len(row)):
            left, up, corner = (row[i - 3] if i > 2 else 0), above[i], (above[i - 3] if i > 2 else 0)
            paeth = min((left, up, corner), key=lambda near: abs(left + up - corner - near))
            row[i] = (row[i] + (0, left, up, (left + up) // 2, paeth)[kind]) % 256
        rows.append([tuple(row[i:i + 3]) for i in range(0, len(row), 3)])
        above = row
    return rows


class Thumbnails(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="thumbnails_test.")
        self.addCleanup(self.scratch.cleanup)
        self.pictures = pathlib.Path(self.scratch.name, "pictures")
        self.out = pathlib.Path(self.scratch.name, "out")
        ended = self.run_program("--generate", self.pictures)
        self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (0, "", ""))

    def run_program(self, *arguments):
        ended = subprocess.run([PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, check=False)
        if "workers can't be sandboxed" in ended.stderr:
            self.skipTest(ended.stderr)
        return ended

    def table(self, ended, status=1):
        """{name: (ok or failed, what)}, and that the names are in order and the last line counts them."""
        self.assertEqual((ended.returncode, bool(ended.stdout)), (status, True), ended.stderr)
        *lines, last = ended.stdout.splitlines()
        rows = [re.fullmatch(r"(\S+) +(ok|failed) +(\S.*)", line).groups() for line in lines]
        names = [name for name, *_ in rows]
        self.assertEqual(names, sorted(names))
        made = sum(verdict == "ok" for _, verdict, _ in rows)
        self.assertEqual(last, f"{made} thumbnails, {len(rows) - made} files have none")
        return {name: (verdict, what) for name, verdict, what in rows}

    def expect_good(self, rows):
        for name, ((width, height), (small_width, small_height)) in GOOD.items():
            with self.subTest(name=name):
                self.assertEqual(rows[name], ("ok", f"{width}x{height} -> {small_width}x{small_height}"))

    def expect_bad(self, rows):
        for name, what in BAD.items():
            with self.subTest(name=name):
                self.assertEqual(rows[name][0], "failed")
                self.assertRegex(rows[name][1], f"^{what}$")

    def written(self):
        return sorted(path.name for path in self.out.iterdir())

    def expect_colour(self, pixel, colour):
        for is_now, should_be in zip(pixel, colour):
            self.assertAlmostEqual(is_now, should_be, delta=12)


class Files(Thumbnails):
    def test_are_all_survived(self):
        (self.pictures / HANGS).unlink()
        for workers in ((), ("--workers", "1"), ("--workers", "5")):
            with self.subTest(workers=workers):
                rows = self.table(self.run_program(*UNHURRIED, *workers, self.pictures, self.out))
                self.assertEqual(sorted(rows), sorted([*GOOD, *BAD]))
                self.expect_good(rows)
                self.expect_bad(rows)
                self.assertEqual(self.written(), sorted(f"{name}.png" for name in GOOD))
                shutil.rmtree(self.out)

    # How far the others come in a second is the machine's affair; they have their line, and so has it.
    def test_that_hang_are_killed(self):
        rows = self.table(self.run_program("--timeout", "1", self.pictures, self.out))
        self.assertEqual(sorted(rows), sorted([*GOOD, *BAD, HANGS]))
        self.assertEqual(rows[HANGS], ("failed", "killed: not done after 1 s"))
        self.assertNotIn(f"{HANGS}.png", self.written())

    def test_that_are_good_have_thumbnails_that_show_them(self):
        for name in [*BAD, HANGS]:
            (self.pictures / name).unlink()
        self.expect_good(self.table(self.run_program(*UNHURRIED, self.pictures, self.out), status=0))
        shown = {}
        for name, (_, size) in GOOD.items():
            *is_now, shown[name] = decoded(self.out / f"{name}.png")
            self.assertEqual(tuple(is_now), size)
        for name in ("gradient.png", "large.jpg", "tall.jpg", "small.png"):
            with self.subTest(name=name):
                rows = shown[name]
                # A pixel of the smallest stands for some fifteenth of the whole fade.
                self.expect_colour(rows[0][0], (0, 0, 0) if name != "tall.jpg" else (9, 0, 0))
                self.expect_colour(rows[0][-1], (255, 0, 0) if name != "tall.jpg" else (246, 0, 0))
                self.expect_colour(rows[-1][0], (0, 0, 255) if name != "tall.jpg" else (9, 0, 255))
        for name in ("circles.jpg", "circles.png"):
            self.expect_colour(shown[name][48][64], (0, 250, 0))

    def test_have_thumbnails_of_the_size_that_was_asked_for(self):
        for name in [*BAD, HANGS]:
            (self.pictures / name).unlink()
        rows = self.table(self.run_program(*UNHURRIED, "--size", "32", self.pictures, self.out), status=0)
        self.assertEqual(rows["large.jpg"], ("ok", "4000x3000 -> 32x24"))
        self.assertEqual(decoded(self.out / "large.jpg.png")[:2], (32, 24))

    def test_are_the_same_each_time(self):
        again = pathlib.Path(self.scratch.name, "again")
        self.run_program("--generate", again)
        for path in self.pictures.iterdir():
            self.assertEqual(path.read_bytes(), (again / path.name).read_bytes(), path.name)


class Terminal(Thumbnails):
    def start(self, *arguments):
        """The program, its stderr a terminal; and what reads there."""
        ours, theirs = pty.openpty()
        program = subprocess.Popen([PROGRAM, *map(str, arguments), self.pictures, self.out], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=theirs, text=True)
        os.close(theirs)
        self.addCleanup(os.close, ours)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program, ours

    def read(self, terminal):
        try:
            return os.read(terminal, 65536)
        except OSError:  # EIO: nobody has it open any more
            return b""

    def read_to_end(self, terminal):
        return b"".join(iter(lambda: self.read(terminal), b""))

    def keep_only(self, *names):
        for path in self.pictures.iterdir():
            if path.name not in names:
                path.unlink()

    def test_has_a_progress_bar_that_is_gone_in_the_end(self):
        self.keep_only("circles.png", "small.png", "truncated.png")
        program, terminal = self.start(*UNHURRIED)
        shown = self.read_to_end(terminal)
        lines, _ = program.communicate()
        if b"workers can't be sandboxed" in shown:
            self.skipTest(shown.decode())
        self.assertEqual((program.returncode, len(lines.splitlines())), (1, 4))
        bars = re.findall(rb"\r\x1b\[K\[(#* *)\] (\d+)/3", shown)
        self.assertEqual([int(done) for _, done in bars], [0, 1, 2, 3])
        self.assertEqual([len(bar) for bar, _ in bars], [40] * 4)
        self.assertEqual([bar.count(b"#") for bar, _ in bars], [0, 13, 26, 40])
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)

    def test_ctrl_c_does_not_wait_for_what_hangs(self):
        self.keep_only(HANGS)
        program, terminal = self.start("--timeout", "100000")
        shown = b""
        while b"0/1" not in shown:  # then it is under way
            read = self.read(terminal)
            if b"workers can't be sandboxed" in shown:
                self.skipTest(shown.decode())
            self.assertTrue(read, shown)
            shown += read
        program.send_signal(signal.SIGINT)
        self.read_to_end(terminal)
        lines, _ = program.communicate()
        self.assertEqual((program.returncode, lines), (130, ""))


class CommandLine(Thumbnails):
    def test_says_what_is_wrong(self):
        for arguments, told in [
                ([], "FOLDER"),
                ([self.pictures], "either OUT or --generate"),
                (["--generate", self.pictures, self.out], "either OUT or --generate"),
                (["--size", "0", self.pictures, self.out], "--size"),
                (["--workers", "0", self.pictures, self.out], "--workers"),
                (["--timeout", "0", self.pictures, self.out], "--timeout")]:
            with self.subTest(arguments=arguments):
                ended = self.run_program(*arguments)
                self.assertEqual((ended.returncode, ended.stdout), (2, ""))
                self.assertIn(told, ended.stderr)
                self.assertFalse(self.out.exists())

    def test_a_folder_that_is_not_there_is_an_error(self):
        ended = self.run_program(self.pictures / "nowhere", self.out)
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertIn("nowhere", ended.stderr)
        self.assertFalse(self.out.exists())

    def test_an_empty_folder_has_no_thumbnails(self):
        empty = pathlib.Path(self.scratch.name, "empty")
        empty.mkdir()
        ended = self.run_program(empty, self.out)
        self.assertEqual((ended.returncode, ended.stdout), (0, "0 thumbnails, 0 files have none\n"), ended.stderr)


if __name__ == "__main__":
    unittest.main()
