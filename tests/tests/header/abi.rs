//! What a program that was compiled against the header relies on: the values of its constants, where the members of its structs
//! lie, and how its functions are called. A compiler says it, of whatever the header declares.
//!
//! That the functions exist is the symbol list's to say (tests/exports.txt).

use netdeadline_tests::{root, scratch};
use std::path::PathBuf;
use std::process::Command;

const TITLE: &str = "\
# What programs compiled against include/netdeadline.h rely on: our ABI, beside the names in exports.txt. `./x symbols` writes
# this list. A line that changes or goes breaks programs that exist.
";

/// What the header of a release may not lose.
pub struct Declared {
    /// Names of constants.
    pub constants: Vec<String>,
    /// Tags of structs, and of each member its type and its name.
    pub structs: Vec<(String, Vec<(String, String)>)>,
    /// Prototypes, on one line each.
    pub functions: Vec<String>,
}

/// The header that is in the repository.
pub fn committed_path() -> PathBuf {
    root().join("include/netdeadline.h")
}

/// What it says.
pub fn committed() -> String {
    let path = committed_path();
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; ./x header", path.display()))
}

/// The name of the function that a prototype declares.
pub fn name(prototype: &str) -> &str {
    let before = prototype.split('(').next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The text without comments and without the preprocessor's lines.
fn code(header: &str) -> String {
    let mut code = String::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("/*") {
        code.push_str(before);
        rest = after.split_once("*/").expect("a comment ends").1;
    }
    code.push_str(rest);
    // What an extern "C" opens and closes is not C.
    let lines = code.replace("extern \"C\" {", "").replace("\n}\n#endif", "\n#endif");
    lines.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// What a header declares. For the C that cbindgen writes, not for any C.
pub fn declared(header: &str) -> Declared {
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define "));
    let constants = defines.filter_map(|define| Some(define.split_once(' ')?.0.to_owned())).collect();
    let (mut structs, mut functions) = (Vec::new(), Vec::new());
    let code = code(header);
    let mut rest = code.as_str();
    while let Some(end) = rest.find([';', '{']) {
        let head = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
        let is_struct = rest[end..].starts_with('{');
        rest = &rest[end + 1..];
        if !is_struct {
            functions.push(head);
            continue;
        }
        let (body, after) = rest.split_once("};").expect("a struct ends");
        let tag = head.strip_prefix("struct ").expect("the header declares nothing else with a body").to_owned();
        let members = body.split(';').map(str::trim).filter(|member| !member.is_empty()).map(member).collect();
        structs.push((tag, members));
        rest = after;
    }
    Declared { constants, structs, functions }
}

/// `uint64_t reserved[3]`: its type, and its name.
fn member(text: &str) -> (String, String) {
    let (kind, name) = text.rsplit_once(' ').expect("a type and a name");
    match name.split_once('[') {
        Some((name, length)) => (format!("{kind}[{length}"), name.to_owned()),
        None => (kind.to_owned(), name.to_owned()),
    }
}

/// The list that is committed as tests/abi.txt.
pub fn list(header: &str) -> String {
    let declared = declared(header);
    let mut main = String::new();
    for constant in &declared.constants {
        main += &format!("printf(\"{constant} %lld\\n\", (long long){constant});\n");
    }
    for (tag, members) in &declared.structs {
        main += &format!(
            "printf(\"struct {tag}: %zu bytes, aligned to %zu\\n\", sizeof(struct {tag}), _Alignof(struct {tag}));\n"
        );
        for (kind, name) in members {
            main += &format!(
                "printf(\"struct {tag}: {kind} {name} at %zu, %zu bytes\\n\", offsetof(struct {tag}, {name}), \
                 sizeof(((struct {tag} *)0)->{name}));\n"
            );
        }
    }
    let source = format!("#include <netdeadline.h>\n#include <stdio.h>\nint main(void) {{\n{main}return 0;\n}}\n");
    let mut functions = declared.functions;
    functions.sort_by(|one, other| name(one).cmp(name(other)));
    format!("{TITLE}{}{}\n", run(header, &source), functions.join("\n"))
}

/// Compile the program against the header, run it, and give what it prints.
fn run(header: &str, source: &str) -> String {
    let directory = scratch("header").join(format!("abi.{:?}", std::thread::current().id()));
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    let file = |name: &str| directory.join(name);
    std::fs::write(file("netdeadline.h"), header).expect("writable");
    std::fs::write(file("abi.c"), source).expect("writable");
    let mut compiler = Command::new("cc");
    let output = compiler.args(["-std=c11", "-I."]).args(["-o", "abi", "abi.c"]).current_dir(&directory).output();
    let output = output.expect("there is a C compiler");
    assert!(output.status.success(), "{source}\n{}", String::from_utf8_lossy(&output.stderr));
    let printed = Command::new(file("abi")).output().expect("it was just built");
    String::from_utf8(printed.stdout).expect("it prints ASCII")
}
