//! `netdeadline trace` against connections whose number, outcome and duration are known: those of workload.c.
//!
//! It takes root, and a kernel with BTF; where one is missing these tests say so and pass. What a trace says of deadlines takes the
//! library as well (deadlines.rs); what is only about words on the command line is in arguments.rs.

mod arguments;
mod deadlines;
mod latencies;
mod losses;
mod mutants;
mod object;
mod outcomes;
mod permissions;
mod processes;
mod rows;
mod stage;
mod tracefs;
