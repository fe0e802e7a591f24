"""Small programs and libraries that gcc makes here, as inputs to begin with: no compiler's bytes are committed."""

import pathlib
import shutil
import subprocess

SMALL = ["-nostdlib", "-s", "-Wl,-z,noseparate-code", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096", "-x", "c"]
EMPTY = "void _start(void) { for (;;); }\n"
# Go's marks, made by hand: the block of build information (debug/buildinfo), and the note with the build id.
BLOCK = r"""
__attribute__((section(".go.buildinfo"), aligned(16))) char block[] =
    "\xff Go buildinf:\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08go1.26.1\0";
"""
# A version of what stands beside the characters that may not be shown.
EDGES = BLOCK.replace(r"\x08go1.26.1", r"\x18go1.26.1 ~ ~ ~ ~ ~ ~ ~ ~")
OLD = r"""
char text[] = "go1.17.3";
struct { char *at; unsigned long size; } string = {text, 8};
__attribute__((section(".go.buildinfo"), aligned(16)))
struct { char magic[16]; void *version, *modules; } block = {"\xff Go buildinf:\x08", &string, 0};
"""
NOTE = r"""
__asm__(".section .note.go.buildid,\"a\",@note\n.long 4, 4, 4\n.asciz \"Go\"\n.balign 4\n.asciz \"abc\"\n.text\n");
"""
# A library as the launcher maps it (src/note.rs): a note that names the build, words to be relocated, zeroed memory.
OURS = r"""
__asm__(".section .note.netdeadline,\"a\",@note\n.long 12, 32, 1\n.ascii \"netdeadline\\0\"\n"
        ".ascii \"0123456789abcdef0123456789abcdef\"\n.text\n");
extern __attribute__((weak)) int absent(void);
static int here;
int *place = &here;
int (*weak)(void) = absent;
char zeroed[100];
int shown(void) { return *place + (weak ? weak() : 0) + zeroed[3]; }
void enter(void) { shown(); }
"""

PROGRAMS = {
    "static": (EMPTY, ["-static"]),
    "loaded": (EMPTY + "int x(void) { return 1; }", ["-pie", "-fPIE", "-Wl,--dynamic-linker=/lib64/ld.so"]),
    "library": ("int x(void) { return 1; }", ["-shared", "-fPIC", "-Wl,-soname,libx.so.1"]),
    "go": (EMPTY + BLOCK, ["-static"]),
    "go-edges": (EMPTY + EDGES, ["-static"]),
    "go-loaded": (EMPTY + BLOCK, ["-pie", "-fPIE", "-Wl,--dynamic-linker=/lib64/ld.so"]),
    "go-old": (EMPTY + OLD, ["-static"]),
    "go-note": (EMPTY + NOTE, ["-static"]),
    "ours": (OURS, ["-shared", "-fPIC", "-Wl,-e,enter", "-Wl,-z,relro", "-Wl,-z,now"]),
}


def inputs(target, scratch):
    """The files to begin with for a target, in a folder below `scratch`."""
    if target != "files":
        return []
    folder = pathlib.Path(scratch) / "programs"
    folder.mkdir()
    made = []
    for name, (text, options) in PROGRAMS.items():
        to = folder / name
        subprocess.run(["gcc", "-O1", *options, *SMALL, "-", "-o", str(to)], input=text, text=True, check=True,
                       capture_output=True, timeout=60)
        made.append(to)
        # The same without its section headers, as strippers leave it.
        bare = folder / f"{name}-bare"
        head = bytearray(to.read_bytes())
        head[40:48] = bytes(8)
        head[60:62] = bytes(2)
        bare.write_bytes(head)
        made.append(bare)
    # Each begins with the byte that says what follows the file (src/targets/files.rs): nothing.
    for file in made:
        file.write_bytes(b"\0" + file.read_bytes())
    return made


if __name__ == "__main__":
    shutil.rmtree("/tmp/nd-fuzz-programs", ignore_errors=True)
    pathlib.Path("/tmp/nd-fuzz-programs").mkdir()
    for file in inputs("files", "/tmp/nd-fuzz-programs"):
        print(file, file.stat().st_size)
