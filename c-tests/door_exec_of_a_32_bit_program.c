// A 32-bit program is started without our LD_PRELOAD, of which its loader would complain, however it is named: by a path, by
// a name in PATH, by an open file.
// Source: SEMANTICS "fds and processes", exec: same ELF class.
//
// env: NETDEADLINE_READ=300ms
#include "nd_test.h"
#include <elf.h>
#include <stddef.h>
#include <spawn.h>

extern char **environ;
extern int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

// i386: exit(1) if a variable begins with "LD_P", else exit(0). No 32-bit libc is needed.
static const unsigned char code[] = {
    0x8b, 0x0c, 0x24,                   // mov ecx, [esp]: argc
    0x8d, 0x5c, 0x8c, 0x08,             // lea ebx, [esp + 4 * ecx + 8]: envp
    0x8b, 0x13,                         // 1: mov edx, [ebx]
    0x85, 0xd2, 0x74, 0x14,             // test edx, edx; jz 3
    0x81, 0x3a, 0x4c, 0x44, 0x5f, 0x50, // cmp [edx], "LD_P"
    0x74, 0x05,                         // je 2
    0x83, 0xc3, 0x04, 0xeb, 0xed,       // add ebx, 4; jmp 1
    0xbb, 0x01, 0x00, 0x00, 0x00,       // 2: mov ebx, 1
    0xeb, 0x02, 0x31, 0xdb,             // jmp 4; 3: xor ebx, ebx
    0xb8, 0x01, 0x00, 0x00, 0x00,       // 4: mov eax, SYS_exit
    0xcd, 0x80,                         // int 0x80
};
static void make(const char *path) {
    enum { BASE = 0x08048000 };
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr segment;
        unsigned char code[sizeof code];
    } file = {.header = {.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_phoff = sizeof(Elf32_Ehdr),
                         .e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1}};
    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_ident[EI_CLASS] = ELFCLASS32;
    file.header.e_ident[EI_DATA] = ELFDATA2LSB;
    file.header.e_ident[EI_VERSION] = EV_CURRENT;
    memcpy(file.code, code, sizeof code);
    file.header.e_entry = BASE + (Elf32_Addr)offsetof(__typeof__(file), code);
    file.segment = (Elf32_Phdr){.p_type = PT_LOAD, .p_vaddr = BASE, .p_paddr = BASE, .p_filesz = sizeof file,
                                .p_memsz = sizeof file, .p_flags = PF_R | PF_X, .p_align = 0x1000};
    int fd = MUST(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
    CHECK_EQ(write(fd, &file, sizeof file), (ssize_t)sizeof file);
    close(fd);
}

static char *arguments[] = {"short", NULL};
static void by_execve(void) { execve("./short", arguments, environ); }
static void by_execvp(void) { execvp("short", arguments); }
static void by_execlp(void) { execlp("short", "short", (char *)NULL); }
static void by_execl(void) { execl("short", "short", (char *)NULL); }
static void by_fexecve(void) { fexecve(open("short", O_RDONLY | O_CLOEXEC), arguments, environ); }
static void by_execveat(void) { execveat(open(".", O_PATH | O_DIRECTORY), "short", arguments, environ, 0); }
static void by_posix_spawnp(void) {
    pid_t child;
    if (posix_spawnp(&child, "short", NULL, NULL, arguments, environ)) _exit(98);
    int status = nd_reap(child, 5 * SEC);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
}
static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {{"execve", by_execve},   {"execvp", by_execvp},     {"execlp", by_execlp},           {"execl", by_execl},
            {"fexecve", by_fexecve}, {"execveat", by_execveat}, {"posix_spawnp", by_posix_spawnp}};

int main(void) {
    char cwd[2048], path[4096];
    make("short");
    pid_t child = fork();
    if (!child) {
        nd_raw(SYS_execve, (long)"short", (long)arguments, (long)(char *[]){"LD_PRELOAD=x", NULL}, 0, 0, 0);
        _exit(77);
    }
    int status = nd_reap(child, 5 * SEC);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 77) SKIP("this kernel runs no 32-bit programs");
    // The little program does see a preload where there is one.
    CHECK_EQ(WEXITSTATUS(status), 1);

    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    snprintf(path, sizeof path, "/nonexistent::%s:/bin", cwd);
    CHECK_EQ(setenv("PATH", path, 1), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        child = fork();
        if (!child) {
            ways[i].run();
            _exit(99);
        }
        status = nd_reap(child, 5 * SEC);
        if (status) FAIL("%s: status 0x%x", ways[i].name, (unsigned)status);
    }
    return 0;
}
