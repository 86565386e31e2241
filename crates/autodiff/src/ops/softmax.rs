//! Softmax, its logarithm, and cross-entropy against class indices.
