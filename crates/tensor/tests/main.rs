//! The tests of this crate as one program: each program of its own would be compiled with the library's generic code once more.

mod attention;
mod basics;
mod conv;
mod edges;
mod fft;
mod large;
mod linalg;
mod linalg_recorded;
mod linalg_solve;
mod make;
mod packed_matrix;
mod pool;
mod random;
mod softmax;
