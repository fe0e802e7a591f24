//! What cannot be protected is not started, and one line says why; with `--best-effort` it is started, and the line stays.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::furniture::{
    build, build_go, folder, install, is_root, mode, nd, on_path, patch, place, plain, refused, text, LIKE_GO, SAYS_GO,
};
use netdeadline_tests::Program;

const SAYS: &str = "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }";

/// Refused with these words; started with them under `--best-effort`.
#[track_caller]
fn unprotected(program: &Path, words: &[&str]) {
    let words = [&["cannot be protected"], words].concat();
    refused(&nd(&["run", "--connect", "1s", text(program)]).run(), 125, &words);
    let finished = nd(&["run", "--connect", "1s", "--best-effort", text(program)]).run().succeeded();
    assert_eq!(finished.stdout, "ran\n", "{finished:#?}");
    assert!(finished.stderr.starts_with("netdeadline: starting it unprotected: "), "{finished:#?}");
}

#[test]
fn a_static_program_is_refused() {
    let folder = folder("refuse-static");
    for (name, compiler, flag) in
        [("static", "cc", "-static"), ("static-pie", "cc", "-static-pie"), ("musl-static", "musl-gcc", "-static")]
    {
        let program = folder.join(name);
        if build(compiler, &program, SAYS, &[flag]) {
            unprotected(
                &program,
                &["no loader runs in it", if name == "static-pie" { "static-pie" } else { "static" }],
            );
        }
    }
}

#[test]
fn a_program_that_only_bears_the_marks_of_go_is_refused() {
    let program = folder("refuse-go").join("like-go");
    let source = LIKE_GO.replace("int main(void) { return 0; }", SAYS);
    assert!(build("cc", &program, &source, &[]));
    unprotected(&program, &["Go 1.99.1, dynamic, glibc", "Go's Syscall6 is not in it"]);
    // The library itself says so, when the program is in its place already and has not run.
    assert!(build("cc", &program, &source, &["-static"]));
    unprotected(&program, &["Go 1.99.1, static", "Go's Syscall6 is not in it"]);
    let old = source.replace("\\010go1.99.1", "\\010go1.19.9");
    assert!(build("cc", &program, &old, &["-static"]));
    unprotected(&program, &["Go 1.19.9, static", "Go before 1.20"]);
    // Go's resolver does not read RES_OPTIONS.
    let file = folder("refuse-go-resolve").join("static");
    if build_go(&file, SAYS_GO, "0", &[]) {
        refused(&nd(&["run", "--resolve", "9s", text(&file)]).run(), 125, &["--resolve cannot reach", "Go 1."]);
    }
}

#[test]
fn a_program_packed_by_upx_is_refused() {
    let program = folder("refuse-packed").join("packed");
    assert!(build("cc", &program, SAYS, &["-static"]));
    // The packer's mark; the bytes of e_ident behind the ninth mean nothing to the kernel.
    patch(&program, 9, b"UPX!");
    unprotected(&program, &["UPX"]);
}

#[test]
fn a_program_without_libc_is_refused() {
    let program = folder("refuse-alone").join("alone");
    // write(1, "ran\n", 4); exit(0), without any library.
    let source = "__asm__(\".globl _start\\n_start: mov $1, %eax\\nmov $1, %edi\\nlea word(%rip), %rsi\\nmov $4, %edx\\nsyscall\\n\
        mov $60, %eax\\nxor %edi, %edi\\nsyscall\\nword: .ascii \\\"ran\\\\n\\\"\\n\");";
    if cfg!(target_arch = "x86_64") && build("cc", &program, source, &["-nostdlib", "-pie"]) {
        unprotected(&program, &["loads no libc"]);
    }
}

#[test]
fn a_program_of_another_class_or_machine_is_refused() {
    let folder = folder("refuse-foreign");
    let program = folder.join("foreign");
    plain(&program);
    patch(&program, 18, &[183, 0]);
    refused(&nd(&["run", text(&program)]).run(), 125, &["aarch64"]);
    let finished = nd(&["run", "--best-effort", text(&program)]).run();
    assert_eq!(finished.code(), Some(126), "the kernel does not know it either: {finished:#?}");
    assert!(finished.stderr.contains("starting it unprotected") && finished.stderr.contains("Exec format error"));
    plain(&program);
    patch(&program, 4, &[1]);
    refused(&nd(&["run", text(&program)]).run(), 125, &["32-bit"]);
}

/// A 32-bit program that writes its environment, in assembly: there may be no 32-bit libc here.
const NARROW: &str = "__asm__(\".globl _start\\n_start: mov (%esp), %ecx\\nlea 8(%esp,%ecx,4), %esi\\n\"
    \"next: mov (%esi), %ecx\\ntest %ecx, %ecx\\njz end\\nxor %edx, %edx\\n\"
    \"count: cmpb $0, (%ecx,%edx)\\nje out\\ninc %edx\\njmp count\\n\"
    \"out: inc %edx\\nmov $1, %ebx\\nmov $4, %eax\\nint $0x80\\nadd $4, %esi\\njmp next\\n\"
    \"end: mov $1, %eax\\nxor %ebx, %ebx\\nint $0x80\\n\");";

#[test]
fn a_32_bit_program_is_started_without_the_preload_that_its_loader_would_complain_of() {
    let program = folder("refuse-32").join("narrow");
    if !cfg!(target_arch = "x86_64") {
        println!("skipped: another machine's 32-bit programs are not known here");
        return;
    }
    assert!(build("cc", &program, NARROW, &["-m32", "-nostdlib", "-static", "-Wl,--build-id=none"]));
    refused(&nd(&["run", text(&program)]).run(), 125, &["32-bit"]);
    if !Program::new("sh").args(["-c", "exec \"$0\"", text(&program)]).run().stdout.contains("PATH=") {
        println!("skipped in part: this kernel runs no 32-bit programs");
        return;
    }
    let finished = nd(&["run", "--best-effort", "--connect", "1s", text(&program)]).run().succeeded();
    assert!(
        finished.stdout.contains("NETDEADLINE_CONNECT=1s") && !finished.stdout.contains("LD_PRELOAD"),
        "{finished:#?}"
    );
}

#[test]
fn a_program_whose_loader_is_missing_or_unknown_is_refused() {
    let folder = folder("refuse-loader");
    let program = folder.join("orphan");
    assert!(build("cc", &program, SAYS, &["-Wl,--dynamic-linker=/no/such/ld-linux-x86-64.so.2"]));
    refused(&nd(&["run", text(&program)]).run(), 126, &["loader", "/no/such/ld-linux-x86-64.so.2 is missing"]);
    let loader = loader_of(Path::new("/bin/sh"));
    let strange = folder.join("strange-loader.so");
    place(Path::new(&loader), &strange);
    assert!(build("cc", &program, SAYS, &[&format!("-Wl,--dynamic-linker={}", text(&strange))]));
    unprotected(&program, &["strange-loader.so is neither glibc's nor musl's"]);
}

fn loader_of(program: &Path) -> String {
    let bytes = fs::read(program).expect("there is a shell");
    let at = bytes.windows(4).position(|word| word == b"/lib").expect("the shell is dynamic");
    let name: Vec<u8> = bytes[at..].iter().copied().take_while(|byte| *byte != 0).collect();
    String::from_utf8(name).expect("a loader's name is ASCII")
}

#[test]
fn a_file_that_is_no_program_is_not_started() {
    let folder = folder("refuse-files");
    let library = folder.join("library.so");
    assert!(build("cc", &library, "int nothing;", &["-shared", "-fPIC", "-nostdlib"]));
    refused(&nd(&["run", text(&library)]).run(), 126, &["it is a library"]);
    let object = folder.join("object.o");
    assert!(build("cc", &object, "int nothing;", &["-c"]));
    mode(&object, 0o755);
    refused(&nd(&["run", text(&object)]).run(), 126, &["object file"]);
    let cut = folder.join("cut");
    plain(&cut);
    let bytes = fs::read(&cut).expect("it was just built");
    fs::write(&cut, &bytes[..100]).expect("it is ours");
    refused(&nd(&["run", text(&cut)]).run(), 126, &["program headers lie outside the file"]);
}

#[test]
fn a_setuid_program_is_refused_when_it_would_gain_an_id() {
    let program = folder("refuse-setuid").join("setuid");
    assert!(build("cc", &program, SAYS, &[]));
    mode(&program, 0o4755);
    // Our own: nothing is gained.
    assert_eq!(nd(&["run", text(&program)]).run().succeeded().stdout, "ran\n");
    if !is_root() {
        println!("skipped in part: only root can give a file to another");
        return;
    }
    std::os::unix::fs::chown(&program, Some(65534), None).expect("root may");
    mode(&program, 0o4755);
    unprotected(&program, &["setuid (user 65534)", "ignores LD_PRELOAD"]);
    std::os::unix::fs::chown(&program, Some(0), Some(65534)).expect("root may");
    mode(&program, 0o2755);
    unprotected(&program, &["setgid (group 65534)", "ignores LD_PRELOAD"]);
}

/// As an ordinary user: root gains nothing by capabilities.
#[test]
fn a_program_with_file_capabilities_is_refused_to_those_who_would_gain_them() {
    if !is_root() || !on_path("setpriv") {
        println!("skipped: needs root and setpriv");
        return;
    }
    // A place that everyone can reach.
    let folder = std::env::temp_dir().join(format!("netdeadline-capable-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("there is a /tmp");
    mode(&folder, 0o755);
    let program = folder.join("capable");
    assert!(build("cc", &program, SAYS, &[]));
    let command = folder.join("netdeadline");
    install(&command, Some(&folder.join("libnetdeadline.so")));
    let run = |prefix: &[&str], program: &Path| {
        let arguments = [
            &["--reuid", "65534", "--regid", "65534", "--clear-groups"],
            prefix,
            &[text(&command), "run", text(program)],
        ];
        Program::new("setpriv").args(arguments.concat()).run()
    };
    assert_eq!(run(&[], &program).succeeded().stdout, "ran\n");
    // struct vfs_cap_data, revision 2, effective: CAP_NET_BIND_SERVICE.
    let mut value = [0u8; 20];
    value[..4].copy_from_slice(&0x0200_0001u32.to_le_bytes());
    value[4..8].copy_from_slice(&(1u32 << 10).to_le_bytes());
    let name = CString::new(program.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: two C strings, and a buffer with its size.
    let set = unsafe { libc::setxattr(name.as_ptr(), c"security.capability".as_ptr(), value.as_ptr().cast(), 20, 0) };
    if set == 0 {
        refused(&run(&[], &program), 125, &["a file with capabilities", "ignores LD_PRELOAD"]);
        refused(&run(&["--no-new-privs"], &program), 125, &["a file with capabilities"]);
        assert_eq!(nd(&["run", text(&program)]).run().succeeded().stdout, "ran\n", "root gains nothing");
        let checked = nd(&["check", text(&program)]).run();
        assert_eq!(checked.code(), Some(1), "{checked:#?}");
        assert!(checked.stdout.contains("a file with capabilities"), "{checked:#?}");
    } else {
        println!("skipped: this file system or container allows no file capabilities");
    }
    // Executable and not readable: nobody can tell what it is.
    let hidden = folder.join("hidden");
    place(Path::new("/bin/true"), &hidden);
    mode(&hidden, 0o711);
    refused(&run(&[], &hidden), 125, &["may be executed but not read"]);
    // setuid root: the ordinary case.
    place(&program, &hidden);
    mode(&hidden, 0o4755);
    refused(&run(&[], &hidden), 125, &["setuid root"]);
    assert_eq!(run(&["--no-new-privs"], &hidden).succeeded().stdout, "ran\n", "the kernel ignores the bit then");
    fs::remove_dir_all(&folder).expect("it is ours");
}
