//! `top` on a real terminal: tmux's. Asserts nothing about what is shown.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use netdeadline_tests::{command, Program};

use crate::made::Home;

/// A terminal in which the command runs, or has run.
pub struct Screen {
    server: String,
    top: PathBuf,
}

impl Screen {
    /// Start the command there. None, and said, where there is no tmux.
    pub fn start(home: &Home, size: (u16, u16), arguments: &str, variables: &[(&str, &str)]) -> Option<Screen> {
        if Program::new("sh").args(["-c", "command -v tmux"]).run().code() != Some(0) {
            println!("skipped: no tmux");
            return None;
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = format!("netdeadline-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let screen = Screen { server, top: home.top.clone() };
        let configuration = home.top.join("tmux.conf");
        // No line of its own; an escape is an escape at once.
        fs::write(&configuration, "set -g status off\nset -s escape-time 0\n")
            .expect("the scratch directory is writable");
        for name in ["before", "after", "code", "pid"] {
            let _ = fs::remove_file(home.top.join(name));
        }
        let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let shell = format!(
            "cd {top}; echo the shell before; stty -g >before; env -u NO_COLOR XDG_RUNTIME_DIR={top} {variables} \
             sh -c 'echo $$ >pid; exec {command} {arguments}'; echo $? >code.new; stty -g >after; mv code.new code; exec sleep 60",
            top = home.top.display(),
            variables = variables.join(" "),
            command = command().display(),
        );
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let configuration = configuration.to_str().expect("UTF-8").to_owned();
        let start = ["-f", &configuration, "new-session", "-d", "-x", &width, "-y", &height, &shell];
        screen.tmux(&start);
        Some(screen)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        // Bars and arrows are not ASCII in every locale; and tmux wants to know that we can read them.
        let tmux = Program::new("tmux").args(["-u", "-L", &self.server]).args(arguments).env("LC_ALL", "C.UTF-8");
        tmux.run().succeeded().stdout
    }

    /// Press keys, by tmux's names.
    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Another size.
    pub fn resize(&self, width: u16, height: u16) {
        self.tmux(&["resize-window", "-x", &width.to_string(), "-y", &height.to_string()]);
    }

    /// What is shown.
    pub fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// With its colours.
    pub fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Wait until all of these words are shown; what is shown then.
    #[track_caller]
    pub fn shows(&self, words: &[&str]) -> String {
        self.until(|text| words.iter().all(|word| text.contains(word)), words)
    }

    /// Wait until none of these is shown any more.
    #[track_caller]
    pub fn hides(&self, words: &[&str]) -> String {
        self.until(|text| !words.iter().any(|word| text.contains(word)), words)
    }

    #[track_caller]
    fn until(&self, is_it: impl Fn(&str) -> bool, words: &[&str]) -> String {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            let text = self.shown();
            if is_it(&text) {
                return text;
            }
            assert!(Instant::now() < end, "in vain: {words:?}\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The command's own process.
    pub fn pid(&self) -> i32 {
        self.wait_for("pid").trim().parse().expect("a number")
    }

    /// Wait for its end: its exit code, as the shell has it. The terminal must be as it was.
    #[track_caller]
    pub fn ended(&self) -> i32 {
        let code = self.wait_for("code").trim().parse().expect("a number");
        let read = |name: &str| fs::read_to_string(self.top.join(name)).expect("the shell has written it");
        assert_eq!(read("before"), read("after"), "stty -g");
        let text = self.shows(&["the shell before"]);
        assert!(!text.contains(" running, "), "its screen is left: {text}");
        let cursor = self.tmux(&["display-message", "-p", "#{cursor_flag} #{alternate_on}"]);
        assert_eq!(cursor.trim(), "1 0", "cursor, other screen");
        code
    }

    #[track_caller]
    fn wait_for(&self, name: &str) -> String {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            match fs::read_to_string(self.top.join(name)) {
                Ok(text) if !text.is_empty() => return text,
                _ => assert!(Instant::now() < end, "no {name}: {}", self.shown()),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Program::new("tmux").args(["-L", &self.server, "kill-server"]).run();
    }
}
