//! The builder methods that methods of optimization share, written once: a name, its field in the rule, its sentence.

/// `setters!(Rule, name: type, "What it is."; …)`: builder methods that set the rule's field of that name.
macro_rules! setters {
    ($Rule:ty, $($name:ident: $type:ty, $doc:literal;)*) => {
        impl $crate::Optimizer<$Rule> {
            $(
                #[doc = $doc]
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.rule_mut().$name = $name;
                    self
                }
            )*
        }
    };
}

/// `betas!(Rule, "What they are.")`: the builder method of β₁ and β₂.
macro_rules! betas {
    ($Rule:ty, $doc:literal) => {
        impl $crate::Optimizer<$Rule> {
            #[doc = $doc]
            #[must_use]
            pub fn betas(mut self, first: f64, second: f64) -> Self {
                self.rule_mut().betas = (first, second);
                self
            }
        }
    };
}

pub(crate) use {betas, setters};
