//! memcpy and its kin, for the compiler's own use.
//!
//! rustc calls them by name and a `no_std` cdylib has none. They are `.hidden`: exported, they would replace libc's in the
//! whole process. Speed does not matter here (records and rules); the string instructions are small and need no alignment.

core::arch::global_asm!(
    ".hidden memcpy",
    ".hidden memmove",
    ".hidden memset",
    ".hidden memcmp",
    ".hidden bcmp",
    ".hidden strlen",
    // void *memcpy(void *to /* rdi */, const void *from /* rsi */, size_t n /* rdx */)
    ".globl memcpy",
    ".type memcpy, @function",
    "memcpy:",
    ".cfi_startproc",
    "mov rax, rdi", // the result is `to`
    "mov rcx, rdx", // rep counts in rcx
    "rep movsb",    // copy upwards, rsi to rdi (the direction flag is clear by the ABI)
    "ret",          // result in rax
    ".cfi_endproc",
    ".size memcpy, . - memcpy",
    // void *memmove(void *to /* rdi */, const void *from /* rsi */, size_t n /* rdx */)
    ".globl memmove",
    ".type memmove, @function",
    "memmove:",
    ".cfi_startproc",
    "mov rax, rdi", // the result is `to`
    "mov rcx, rdx", // rep counts in rcx
    "mov r8, rdi",  // how far `to` lies above `from`,
    "sub r8, rsi",  // as an unsigned number:
    "cmp r8, rdx",  // less than n means that copying upwards would overwrite what is still to be read
    "jb 2f",        // then copy downwards
    "rep movsb",    // copy upwards
    "ret",          // result in rax
    "2:",
    "lea rsi, [rsi + rdx - 1]", // last byte of `from`
    "lea rdi, [rdi + rdx - 1]", // last byte of `to`
    "std",                      // downwards
    "rep movsb",                // copy
    "cld",                      // the ABI wants the direction flag clear
    "ret",                      // result in rax
    ".cfi_endproc",
    ".size memmove, . - memmove",
    // void *memset(void *to /* rdi */, int byte /* esi */, size_t n /* rdx */)
    ".globl memset",
    ".type memset, @function",
    "memset:",
    ".cfi_startproc",
    "mov r8, rdi",  // keep `to`: rep stosb moves rdi
    "mov eax, esi", // stosb stores al
    "mov rcx, rdx", // rep counts in rcx
    "rep stosb",    // fill
    "mov rax, r8",  // the result is `to`
    "ret",
    ".cfi_endproc",
    ".size memset, . - memset",
    // int memcmp(const void *a /* rdi */, const void *b /* rsi */, size_t n /* rdx */); bcmp is the same with less to say
    ".globl memcmp",
    ".type memcmp, @function",
    ".globl bcmp",
    ".type bcmp, @function",
    "memcmp:",
    "bcmp:",
    ".cfi_startproc",
    "xor eax, eax",                  // equal so far; also sets the zero flag, for n = 0
    "mov rcx, rdx",                  // repe counts in rcx
    "repe cmpsb",                    // compare until a byte differs
    "je 3f",                         // none did
    "movzx eax, byte ptr [rdi - 1]", // cmpsb stepped past the byte: a's,
    "movzx ecx, byte ptr [rsi - 1]", // b's
    "sub eax, ecx",                  // and their order
    "3:",
    "ret",
    ".cfi_endproc",
    ".size memcmp, . - memcmp",
    ".size bcmp, . - bcmp",
    // size_t strlen(const char *string /* rdi */)
    ".globl strlen",
    ".type strlen, @function",
    "strlen:",
    ".cfi_startproc",
    "xor eax, eax",       // look for the byte 0
    "mov rcx, -1",        // for as long as it takes
    "repne scasb",        // rcx counts down once a byte, the NUL included
    "not rcx",            // the number of bytes read
    "lea rax, [rcx - 1]", // without the NUL
    "ret",
    ".cfi_endproc",
    ".size strlen, . - strlen",
);
