//! What Ebbtide's kernel programs and its process agree on. Plain data: no code that decides.
#![no_std]

mod row;

pub use row::Row;
