"""An example of the documents prints what its source says at its end, and nothing to stderr: PROGRAM SOURCE."""
import pathlib
import subprocess
import sys

program, source = sys.argv[1:]
text = pathlib.Path(source).read_text()
_, marker, said = text.rpartition("\n// Output:\n")
assert marker, f"{source} does not end with `// Output:` and what it prints"
expected = "".join(line.removeprefix("//").removeprefix(" ") + "\n" for line in said.splitlines())

ran = subprocess.run([program], capture_output=True, text=True)
assert ran.returncode == 0, f"it left with {ran.returncode}; stderr: {ran.stderr}"
assert ran.stdout == expected, f"it printed\n{ran.stdout}where its source says\n{expected}"
assert not ran.stderr, f"stderr: {ran.stderr}"
