//! Which deadlines the operator wants.
