//! What the engine calls to make its evidence page: a directory of this user's, a file in it, and the file's memory.

use super::{memory, File, Machine, State};
use netdeadline_engine::evidence::page::Page;

/// NETDEADLINE_STATS.
pub const DIRECTORY: &str = "/run/pages";

impl Machine {
    /// The process's evidence page, if it has one.
    pub fn page(&self) -> Option<&'static Page> {
        let page = self.state().page as *const Page;
        // SAFETY: 0, or what `page_call` allocated, zeroed, of that size and never freed; the fields are atomic.
        unsafe { page.as_ref() }
    }
}

impl State {
    /// The answer, if the call is one of these.
    pub(super) fn page_call(&mut self, nr: i64, args: [usize; 6]) -> Option<Result<usize, i32>> {
        let [a, b, _, _, e, _] = args;
        let ours = |state: &State, fd: usize| assert!(state.ours.contains(&(fd as i32)), "not the engine's file: {fd}");
        match nr {
            libc::SYS_openat => {
                let path = memory::load_string(b)?;
                let file = match path.as_str() {
                    DIRECTORY => File::Pages,
                    "/proc/self/stat" => {
                        let fields = "0 ".repeat(18);
                        File::Plain(format!("{} (pretended) S {fields}123 0", self.pid).into_bytes())
                    }
                    name if !name.starts_with('/') => {
                        ours(self, a);
                        File::Pages
                    }
                    _ => return None,
                };
                let fd = self.open(file);
                self.ours.insert(fd);
                Some(Ok(fd as usize))
            }
            libc::SYS_mkdirat | libc::SYS_geteuid => Some(Ok(0)),
            libc::SYS_fallocate => {
                ours(self, a);
                Some(Ok(0))
            }
            libc::SYS_getdents64 => {
                ours(self, a);
                Some(Ok(0))
            }
            libc::SYS_mmap => {
                ours(self, e);
                assert_eq!((a, b, self.page), (0, size_of::<Page>(), 0), "one page");
                let layout = std::alloc::Layout::from_size_align(b, 4096).expect("a size");
                // SAFETY: the size is not 0. Never freed: the engine refers to it for ever.
                self.page = unsafe { std::alloc::alloc_zeroed(layout) } as usize;
                Some(Ok(self.page))
            }
            _ => None,
        }
    }
}
