#!/usr/bin/env python3
"""Holds each row of the table (rows_*.cpp) against what is true today. One of:

  warnings  GCC 12 warns, or is silent, as the row says; also with plait as a system header; the macro silences it all
  gcc       built with GCC 12 and AddressSanitizer, right rows run clean and wrong rows are caught: a wrong row
            that runs clean means that the compiler was mended, and that the table is to be changed
  clang     built with Clang and AddressSanitizer, every row runs clean: the rows are correct C++
  check     scripts/gcc12_check finds in each row what the row says, and nothing else

Exit status 0, 1, or 77 for "skipped: the compiler or tool is not here".
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ROW = re.compile(r'^ROW\((\w+), (right|wrong|lost|refused), (warns|silent), "([\w ]*)"\)', re.MULTILINE)
WARNING = "gcc_12_destroys_it_twice_in_a_co_await_expression"
SANITIZED = ["-g1", "-O0", "-fsanitize=address"]
SOURCES = ["rows_arguments.cpp", "rows_expressions.cpp"]
REFUSED = "row_that_does_not_compile.cpp"
SKIPPED = 77


class Row:
    """One ROW(…) and the lines up to the next."""

    def __init__(self, source, first, last, match):
        self.source, self.first, self.last = source, first, last
        self.name, self.gcc, self.warning, self.check = match.groups()


def read_rows():
    rows = []
    for source in [*SOURCES, REFUSED]:
        text = (HERE / source).read_text()
        found = [(text.count("\n", 0, match.start()) + 1, match) for match in ROW.finditer(text)]
        if len(found) != len(re.findall(r"^ROW\(", text, re.MULTILINE)):
            sys.exit(f"{source}: a ROW(…) that can't be read: keep it on one line")
        lines = [line for line, _ in found[1:]] + [text.count("\n") + 2]
        rows += [Row(source, line, following - 1, match) for (line, match), following in zip(found, lines)]
    return rows


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def run(command, timeout=300, **environment):
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout,
                              env={**os.environ, **environment})
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(command, -1, "", f"no end after {late.timeout} s")


def need_gcc_12(compiler):
    if not shutil.which(compiler):
        skip(f"there is no {compiler}")
    macros = run([compiler, "-dM", "-E", "-x", "c++", "/dev/null"]).stdout
    version = re.search(r"#define __GNUC__ (\d+)", macros)
    if "__clang__" in macros or not version or int(version[1]) != 12:
        skip(f"{compiler} is not GCC 12")


class Table:
    def __init__(self, options):
        self.options, self.rows, self.failures = options, read_rows(), []
        self.scratch = options.scratch / options.question
        self.scratch.mkdir(parents=True, exist_ok=True)

    def fail(self, row, message):
        self.failures.append(f"{row.source}:{row.first}: {row.name}: {message}")

    def in_parallel(self, function, items):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            return list(pool.map(function, items))

    def compile(self, compiler, *arguments, include="-I"):
        return run([compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", include, str(ROOT),
                    *self.options.flags, *arguments])

    # -- warnings

    def warned_calls(self, include, source, *flags):
        """[(line of the call, text of the warning)]; anything else that GCC has to say is an error."""
        made = self.compile(self.options.gcc, "-fsyntax-only", *flags, str(HERE / source), include=include)
        if made.returncode != 0:
            sys.exit(f"{source} does not compile:\n{made.stderr}")
        here = re.escape(str(HERE / source))
        call = rf"^{here}:(\d+):\d+: +required from here\n[^\n]*warning: ([^\n]*{WARNING}[^\n]*)"
        found = [(int(line), text) for line, text in re.findall(call, made.stderr, re.MULTILINE)]
        warnings = made.stderr.count(": warning: ")
        if warnings != len(found):
            sys.exit(f"{source}: {warnings} warnings, {len(found)} of them plait's, of a call here:\n{made.stderr}")
        return found

    def warnings(self):
        need_gcc_12(self.options.gcc)
        silenced = ("-I", SOURCES[0], "-DPLAIT_NO_TEMPORARY_WARNING")
        runs = [("-I", SOURCES[0]), ("-isystem", SOURCES[0]), ("-isystem", SOURCES[1]), silenced]
        for asked, found in zip(runs, self.in_parallel(lambda asked: self.warned_calls(*asked), runs)):
            for row in (row for row in self.rows if row.source == asked[1]):
                texts = [text for line, text in found if row.first <= line <= row.last]
                if len(texts) != (row.warning == "warns" and asked is not silenced):
                    self.fail(row, f"the row says {row.warning}; with {asked} came: {texts}")
                for text in texts:
                    for word in ["[with Temporary = ", "plait::moved(", "as two statements", "docs/gcc12.md",
                                 "PLAIT_NO_TEMPORARY_WARNING", "[-Wdeprecated-declarations]"]:
                        if word not in text:
                            self.fail(row, f"the warning does not say '{word}': {text}")
        # The header gives the line number of what follows its line marker: it moves when the header is edited.
        header = (ROOT / "plait/core/temporaries.hpp").read_text().splitlines()
        for number, line in enumerate(header, 1):
            marker = re.fullmatch(r"# (\d+) __FILE__", line)
            if marker and int(marker[1]) != number + 1:
                self.failures.append(f"temporaries.hpp:{number}: the marker must say {number + 1}")

    # -- gcc, clang

    def build(self, compiler):
        def one(source):
            made = self.compile(compiler, *SANITIZED, "-w", "-c", str(HERE / source),
                                "-o", str(self.scratch / f"{source}.o"))
            if made.returncode != 0:
                sys.exit(f"{source} does not compile:\n{made.stderr}")
        self.in_parallel(one, [*SOURCES, "run_row.cpp"])
        program = self.scratch / "run_row"
        made = run([compiler, "-fsanitize=address", *map(str, sorted(self.scratch.glob("*.o"))),
                    *self.options.link, "-pthread", "-o", str(program)])
        if made.returncode != 0:
            sys.exit(f"run_row does not link:\n{made.stderr}")
        return program

    def run_rows(self, program):
        """Of what is expected to go wrong, the report's first line will do: to symbolize it takes a second each."""
        def one(row):
            if row.gcc == "right":
                return run([str(program), row.name], timeout=60)
            return run([str(program), row.name], timeout=5 if row.gcc == "lost" else 60,
                       ASAN_OPTIONS="symbolize=0")
        rows = [row for row in self.rows if row.source != REFUSED]
        return zip(rows, self.in_parallel(one, rows))

    def gcc(self):
        need_gcc_12(self.options.gcc)
        for row, ran in self.run_rows(self.build(self.options.gcc)):
            clean = ran.returncode == 0 and ran.stdout == "finished\n" and not ran.stderr
            caught = re.search(r"ERROR: AddressSanitizer: (.*)", ran.stderr)
            if row.gcc == "right" and not clean:
                self.fail(row, f"should be right, but: {ran.stdout}{ran.stderr[:3000]}")
            if row.gcc in ("wrong", "lost") and clean:
                self.fail(row, "runs clean: this compiler has been mended. Change the row, and docs/gcc12.md")
            elif row.gcc == "wrong" and not caught:
                self.fail(row, f"wrong, but in another way: {ran.returncode} {ran.stdout}{ran.stderr[:3000]}")
        refused = self.compile(self.options.gcc, "-w", "-c", str(HERE / REFUSED), "-o", "/dev/null")
        row = next(row for row in self.rows if row.source == REFUSED)
        if "array used as initializer" not in refused.stderr:
            self.fail(row, f"should be refused, but: {refused.returncode} {refused.stderr[:3000]}")

    def clang(self):
        if not shutil.which(self.options.clang):
            skip(f"there is no {self.options.clang}")
        SOURCES.append(REFUSED)
        for row, ran in self.run_rows(self.build(self.options.clang)):
            if ran.returncode != 0 or ran.stdout != "finished\n" or ran.stderr:
                self.fail(row, f"is not correct C++: {ran.stdout}{ran.stderr[:3000]}")

    # -- check

    def check(self):
        command = [str(ROOT / "scripts/gcc12_check"), "--flags",
                   shlex.join(["-std=c++20", f"-I{ROOT}", *self.options.flags])]
        ran = run([*command, *(str(HERE / source) for source in [*SOURCES, REFUSED])])
        found = re.findall(r"^(.*?):(\d+):\d+: warning: .* \[gcc12-(\w+)\]$", ran.stdout, re.MULTILINE)
        if "no clang-query found" in ran.stderr:
            skip(ran.stderr.strip())
        if ran.returncode != 1 or not found:
            sys.exit(f"gcc12_check ended with {ran.returncode}:\n{ran.stdout}{ran.stderr}")
        places = [(pathlib.Path(file).name, int(line), kind) for file, line, kind in found]
        for row in self.rows:
            kinds = {kind for file, line, kind in places
                     if file == row.source and row.first <= line <= row.last}
            if kinds != set(row.check.split()):
                self.fail(row, f"the row says '{row.check}', gcc12_check found {sorted(kinds)}")
        for file in {file for file, _, _ in places} - {row.source for row in self.rows}:
            self.failures.append(f"{file}: gcc12_check found something where there is no row")
        quiet = run([*command, str(HERE / "run_row.cpp")])
        if quiet.returncode != 0 or quiet.stdout:
            self.failures.append(f"gcc12_check on a file without coroutines: {quiet.returncode} {quiet.stdout}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=["warnings", "gcc", "clang", "check"])
    parser.add_argument("--scratch", type=pathlib.Path, required=True, help="a folder to build in")
    parser.add_argument("--gcc", default="g++")
    parser.add_argument("--clang", default="clang++-19")
    parser.add_argument("--flags", type=shlex.split, default=[], help="compiler flags that plait's headers need")
    parser.add_argument("--link", action="append", default=[], help="libraries that plait needs")
    table = Table(parser.parse_args())
    getattr(table, table.options.question)()
    for failure in table.failures:
        print(failure)
    print(f"{table.options.question}: {len(table.rows)} rows, {len(table.failures)} failures")
    sys.exit(1 if table.failures else 0)


if __name__ == "__main__":
    main()
