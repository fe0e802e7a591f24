//! A scope bounds libraries that know nothing of it: libpq against PostgreSQL, libcurl against http servers, of this machine.
//!
//! In the middle stands one C program (client.c) that does what it is told step by step, each step in a scope, on one thread,
//! with one connection and one handle. What scopes mean to single calls is tested by c-tests.

mod database;
mod dead;
mod example;
mod postgres;
mod stage;
mod web;
