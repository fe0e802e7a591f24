//! Why a call timed out.
