//! What the operator said, once, at the start of the process.

use crate::evidence::place::Place;
use crate::evidence::Log;
use crate::policy::Policy;

/// The settings of a process. Written before the program runs, read-only from then on.
pub struct Settings {
    /// The rules.
    pub policy: Policy,
    /// No wait that begins now is looked at before so many ns have passed, whichever rule holds for it.
    pub least: u64,
    /// Nothing is cut short; what would have expired is recorded (NETDEADLINE_MODE=observe).
    pub observe: bool,
    /// The program's own SO_RCVTIMEO and SO_SNDTIMEO are left to the kernel (NETDEADLINE_SO_TIMEO=kernel).
    pub timeouts_by_kernel: bool,
    /// io_uring_setup is let through (NETDEADLINE_IO_URING=allow).
    pub io_uring: bool,
    /// Where records go.
    pub log: Log,
    /// Where evidence pages go.
    pub pages: Place,
    /// The path in NETDEADLINE_CONFIG, for records, cut to what fits.
    pub config_path: [u8; 256],
}

impl Settings {
    /// No rule, no log.
    pub const fn new() -> Settings {
        Settings {
            policy: Policy::new(),
            least: 0,
            observe: false,
            timeouts_by_kernel: false,
            io_uring: false,
            log: Log::new(),
            pages: Place::new(),
            config_path: [0; 256],
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
