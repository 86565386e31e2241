//! Floats of 16 bits and fewer: which numbers a format has, the nearest of them to a number, and the number behind a bit
//! pattern. One description serves all formats. It must never know a tensor.

/// A format: how many bits for exponent and fraction, and what the last codes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SmallFloat {
    exponent: u32,
    fraction: u32,
    bias: i32,
    top: Top,
}

/// What the format has above its largest number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Top {
    /// The last exponent holds infinity and NaN, as IEEE 754 says.
    Ieee,
    /// NaN in the last code alone; no infinity (suffix FN).
    LastIsNan,
    /// NaN in the place of −0; no infinity (suffix FNUZ).
    MinusZeroIsNan,
    /// Neither.
    Nothing,
    /// Powers of two without a sign; NaN in the last code (E8M0).
    PowersOfTwo,
}

const fn format(exponent: u32, fraction: u32, bias: i32, top: Top) -> SmallFloat {
    SmallFloat { exponent, fraction, bias, top }
}

impl SmallFloat {
    pub(crate) const F16: Self = format(5, 10, 15, Top::Ieee);
    pub(crate) const BF16: Self = format(8, 7, 127, Top::Ieee);
    pub(crate) const F8E4M3FN: Self = format(4, 3, 7, Top::LastIsNan);
    pub(crate) const F8E4M3FNUZ: Self = format(4, 3, 8, Top::MinusZeroIsNan);
    pub(crate) const F8E5M2: Self = format(5, 2, 15, Top::Ieee);
    pub(crate) const F8E5M2FNUZ: Self = format(5, 2, 16, Top::MinusZeroIsNan);
    pub(crate) const F4E2M1: Self = format(2, 1, 1, Top::Nothing);
    pub(crate) const F8E8M0: Self = format(8, 0, 127, Top::PowersOfTwo);

    /// Bits of one number.
    pub(crate) const fn bits(self) -> u32 {
        match self.top {
            Top::PowersOfTwo => self.exponent,
            _ => 1 + self.exponent + self.fraction,
        }
    }

    /// Whether numbers above the largest one saturate unless told otherwise: those of 8 bits and fewer.
    pub(crate) const fn is_tiny(self) -> bool {
        self.bits() <= 8
    }

    /// Whether it has powers of two alone.
    pub(crate) fn has_only_powers(self) -> bool {
        self.top == Top::PowersOfTwo
    }

    /// The number behind a bit pattern.
    pub(crate) fn value(self, bits: u32) -> f64 {
        let fraction = bits & ((1 << self.fraction) - 1);
        let exponent = bits >> self.fraction & ((1 << self.exponent) - 1);
        let negative = self.top != Top::PowersOfTwo && bits >> (self.exponent + self.fraction) & 1 == 1;
        let last = (1 << self.exponent) - 1;
        let sign = if negative { -1.0 } else { 1.0 };
        let full = fraction == (1 << self.fraction) - 1;
        match self.top {
            Top::Ieee if exponent == last && fraction == 0 => return sign * f64::INFINITY,
            Top::Ieee if exponent == last => return f64::NAN,
            Top::LastIsNan if exponent == last && full => return f64::NAN,
            Top::MinusZeroIsNan if negative && exponent == 0 && fraction == 0 => return f64::NAN,
            Top::PowersOfTwo if exponent == last => return f64::NAN,
            Top::PowersOfTwo => return power(exponent as i32 - self.bias),
            _ => {}
        }
        let ulp = power(exponent.max(1) as i32 - self.bias - self.fraction as i32);
        let whole = if exponent == 0 { fraction } else { fraction + (1 << self.fraction) };
        sign * f64::from(whole) * ulp
    }

    /// The largest number.
    pub(crate) fn largest(self) -> f64 {
        let codes = 1_u32 << (self.exponent + self.fraction);
        match self.top {
            Top::Ieee => self.value(codes - (1 << self.fraction) - 1),
            Top::LastIsNan | Top::PowersOfTwo => self.value(codes - 2),
            Top::MinusZeroIsNan | Top::Nothing => self.value(codes - 1),
        }
    }

    /// The nearest number of the format, ties to even. What is too large becomes the largest number if it shall saturate
    /// or there is nothing above it, else infinity or NaN, whichever there is.
    pub(crate) fn nearest(self, x: f64, saturate: bool) -> f64 {
        if x.is_nan() {
            // A format without NaN has no answer; the reference that the cases were recorded from gives −0.
            return if self.top == Top::Nothing { -0.0 } else { x };
        }
        if self.has_only_powers() {
            return x;
        }
        let size = x.abs();
        let least = 1 - self.bias;
        let exponent = if size > 0.0 && size.is_finite() { size.log2().floor() as i32 } else { least };
        // The logarithm may round up to the next power of two: the exponent is then one too large.
        let exponent = if power(exponent) > size { exponent - 1 } else { exponent };
        let ulp = power(exponent.max(least) - self.fraction as i32);
        let rounded = if size.is_finite() { (size / ulp).round_ties_even() * ulp } else { size };
        let kept = if rounded <= self.largest() {
            rounded
        } else if saturate || self.top == Top::Nothing {
            self.largest()
        } else if self.top == Top::Ieee {
            f64::INFINITY
        } else {
            return f64::NAN;
        };
        if self.top == Top::MinusZeroIsNan && kept == 0.0 { 0.0 } else { kept.copysign(x) }
    }
}

fn power(exponent: i32) -> f64 {
    2.0_f64.powi(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SmallFloat; 7] = [
        SmallFloat::F16,
        SmallFloat::BF16,
        SmallFloat::F8E4M3FN,
        SmallFloat::F8E4M3FNUZ,
        SmallFloat::F8E5M2,
        SmallFloat::F8E5M2FNUZ,
        SmallFloat::F4E2M1,
    ];

    #[test]
    fn the_largest_numbers_are_those_of_the_papers() {
        let largest = ALL.map(SmallFloat::largest);
        assert_eq!(largest[0], 65504.0);
        assert_eq!(largest[2..], [448.0, 240.0, 57344.0, 57344.0, 6.0]);
    }

    #[test]
    fn each_number_is_nearest_to_itself() {
        for format in ALL {
            for bits in 0..1_u32 << format.bits() {
                let x = format.value(bits);
                let y = format.nearest(x, false);
                assert!(x == y || x.is_nan() && y.is_nan(), "{format:?} {bits:x}: {x} became {y}");
            }
        }
    }

    #[test]
    fn between_two_numbers_the_nearer_one_wins_and_the_even_one_a_tie() {
        for format in ALL {
            for bits in 0..200_u32.min((1 << (format.bits() - 1)) - 2) {
                let (low, high) = (format.value(bits), format.value(bits + 1));
                if !(low.is_finite() && high.is_finite()) {
                    continue;
                }
                let near = |part: f64| format.nearest(low + (high - low) * part, false);
                assert_eq!((near(0.4), near(0.6)), (low, high), "{format:?} {bits}");
                assert_eq!(near(0.5), if bits % 2 == 0 { low } else { high }, "{format:?} {bits}");
            }
        }
    }

    #[test]
    fn what_is_too_large_ends_as_the_format_says() {
        assert_eq!(SmallFloat::F16.nearest(1e6, false), f64::INFINITY);
        assert_eq!(SmallFloat::F8E5M2.nearest(-1e6, false), f64::NEG_INFINITY);
        assert_eq!(SmallFloat::F8E5M2.nearest(-1e6, true), -57344.0);
        assert!(SmallFloat::F8E4M3FN.nearest(1e6, false).is_nan());
        assert_eq!(SmallFloat::F4E2M1.nearest(-1e6, false), -6.0);
    }
}
