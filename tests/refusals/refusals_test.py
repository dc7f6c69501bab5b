#!/usr/bin/env python3
"""refusals_test.py SOURCE COMPILER [FLAG…]: calls that can't leave their process do not compile, and the compiler says why
in a sentence; what else is in SOURCE compiles without a word.

Each call that must be refused ends with `//! WHAT, TYPE: SENTENCE`. WHAT is 'argument 2' (its position), 'result' or
'callable'; TYPE and SENTENCE are regular expressions of what the compiler must name and say of it.
"""
import os
import pathlib
import re
import subprocess
import sys

EXPECTATION = re.compile(r"//! (?P<kind>argument|result|callable)( (?P<position>\d+))?, (?P<type>.*?): (?P<sentence>.*)$")
SENTENCES = {
    "argument": "this argument can't travel to another process",
    "result": "the result of this call can't travel back from another process",
    "callable": "this can't be called in another process",
}


def expectations(source):
    """For each marked line its number, and patterns of what must be named and said."""
    for number, line in enumerate(source.read_text().splitlines(), 1):
        if "//!" not in line:
            continue
        found = EXPECTATION.search(line)
        if not found:
            sys.exit(f"{source}:{number}: this is no expectation: {line}")
        kind = found["kind"]
        position = f"{found['position']}, " if found["position"] else ""
        yield (number, f"{kind}_of_a_call_to_another_process<{position}{found['type']} ?>",
               f": plait: {SENTENCES[kind]}: {found['sentence']}")


def errors_of(output):
    """The errors' lines, each with the lines that tell what was compiled there: GCC has them before it, Clang behind."""
    before, *pieces = re.split(r"^(.*error: .*)$", output, flags=re.M)
    errors, behind = pieces[::2], pieces[1::2]
    is_clang = "requested here" in output
    return list(zip(errors, behind if is_clang else [before, *behind[:-1]]))


def main():
    source = pathlib.Path(sys.argv[1]).resolve()
    command = [*sys.argv[2:], "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wno-unused-result",
               "-ferror-limit=0" if "clang" in sys.argv[2] else "-fmax-errors=0", source.name]
    compiled = subprocess.run(command, cwd=source.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**os.environ, "LC_ALL": "C"})
    output = compiled.stdout.decode(errors="replace")
    expected = list(expectations(source))
    faults = []
    if (compiled.returncode != 0) != bool(expected):
        faults.append(f"the compiler's exit status is {compiled.returncode}")
    if not expected and output:
        faults.append("the compiler has something to say")
    errors = errors_of(output)
    for line, named, said in expected:
        at_line = re.compile(rf"^{re.escape(source.name)}:{line}:", re.M)
        matching = [(error, trace) for error, trace in errors
                    if at_line.search(trace) and re.search(named, trace) and re.search(said, error)]
        if not matching:
            faults.append(f"{source.name}:{line}: expected an error that says '{said}' and names '{named}'")
        else:
            errors.remove(matching[0])
    faults += [f"not expected: {error}" for error, _ in errors]
    if faults:
        sys.exit("\n".join([" ".join(command), output, *faults]))
    print(f"{len(expected)} calls are refused, each in its words" if expected else "it compiles")


main()
