//! What comes before a long training: which learning rate, which settings, and how well they would do on other data. It must never
//! know what is trained.

mod cross_validation;
mod range_test;
mod search;
mod space;

pub use cross_validation::{CrossValidation, cross_validate};
pub use range_test::{RangeTest, Ranged};
pub use search::{Search, Trial};
pub use space::{Choice, Settings, Space};
