"""An example of the documents prints what its source says at its end, and nothing to stderr: PROGRAM SOURCE.

Exit status 77 for "skipped: it needs what this machine has not".
"""
import pathlib
import subprocess
import sys

program, source = sys.argv[1:]
text = pathlib.Path(source).read_text()
_, marker, said = text.rpartition("\n// Output:\n")
assert marker, f"{source} does not end with `// Output:` and what it prints"
expected = "".join(line.removeprefix("//").removeprefix(" ") + "\n" for line in said.splitlines())

ran = subprocess.run([program], capture_output=True, text=True)
if "workers can't be sandboxed" in ran.stderr:
    print(f"skipped: {ran.stderr.strip()}")
    sys.exit(77)
# A sandbox without Landlock is one still.
complaints = [line for line in ran.stderr.splitlines() if "this kernel has no Landlock" not in line]
assert ran.returncode == 0, f"it left with {ran.returncode}; stderr: {ran.stderr}"
assert ran.stdout == expected, f"it printed\n{ran.stdout}where its source says\n{expected}"
assert not complaints, f"stderr: {ran.stderr}"
