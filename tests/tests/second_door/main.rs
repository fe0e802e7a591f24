//! A second door: the engine driven without libc, on a machine that is only pretended.
//!
//! `machine` stands for Linux: sockets, epoll sets, timers, and a clock that nobody moves but the tests. It refuses every call
//! of the engine's own that could block. `door` performs the engine's steps against it, as the libc door does against libc.
//! What is asserted is SEMANTICS.md, to the nanosecond, in virtual time. Linux itself, libc and real programs are tested
//! elsewhere.

mod answers;
mod any_wait;
mod api;
mod door;
mod machine;
mod model;
mod program;

mod between;
mod classes;
mod closing;
mod connecting;
mod explicit;
mod fuzz;
mod limits;
mod moving;
mod own_timeouts;
mod passed;
mod processes;
mod reading;
mod registrations;
mod scopes;
mod sets;
mod telling;
mod timeouts;
mod transfers;
mod tries_first;
mod untouched;
mod waits;
mod writing;
