//! A layer with a computed weight: the layer itself, in which other variables take the place of some parameters. How weight norm,
//! spectral norm and drop connect run any layer without its help.

use gradus_autodiff::Var;
use gradus_module::{Buffer, Counter, Entry, Module, Param, Path, Visitor, VisitorMut};
use gradus_tensor::Float;

use crate::error::LayerError;

/// The name of a weight below the layer: `weight`, or one like `weight_hh_l0`.
#[derive(Clone, Debug)]
pub(crate) struct Name(String);

impl Name {
    /// If the layer has such a weight of this element type.
    pub(crate) fn new<T: Float>(
        wrapper: &'static str,
        layer: &(impl Module + ?Sized),
        name: &str,
    ) -> Result<Self, LayerError> {
        let mut names = Vec::new();
        layer.visit(&mut Path::root(), &mut |path, entry| {
            if entry.as_any().is::<Param<T>>() {
                names.push(path.as_str().to_owned());
            }
        });
        let range = format_args!("one of the layer's parameters {names:?}");
        LayerError::check(names.iter().any(|known| known == name), wrapper, "weight", name, range)?;
        Ok(Self(name.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The layer's parameter of this name.
    pub(crate) fn find<'a, T: Float>(&self, layer: &'a (impl Module + ?Sized)) -> Option<&'a Param<T>> {
        let mut found = None;
        layer.visit(&mut Path::root(), &mut |path, entry| {
            if path.as_str() == self.0 {
                found = entry.as_any().downcast_ref::<Param<T>>();
            }
        });
        found
    }

    /// Puts a parameter in its place.
    pub(crate) fn replace<T: Float>(&self, layer: &mut (impl Module + ?Sized), param: Param<T>) {
        let mut param = Some(param);
        layer.visit_mut(&mut Path::root(), &mut |path, entry| {
            if path.as_str() == self.0
                && let Some(place) = entry.as_any_mut().downcast_mut::<Param<T>>()
                && let Some(param) = param.take()
            {
                *place = param;
            }
        });
    }

    /// Visits the layer's entries but this one.
    pub(crate) fn visit_others<'a>(
        &self,
        layer: &'a (impl Module + ?Sized),
        path: &mut Path,
        f: &mut Visitor<'_, 'a>,
    ) {
        let own = self.below(path);
        layer.visit(path, &mut |path, entry| {
            if path.as_str() != own {
                f(path, entry);
            }
        });
    }

    /// As [`Name::visit_others`], to change them.
    pub(crate) fn visit_others_mut(
        &self,
        layer: &mut (impl Module + ?Sized),
        path: &mut Path,
        f: &mut VisitorMut<'_>,
    ) {
        let own = self.below(path);
        layer.visit_mut(path, &mut |path, entry| {
            if path.as_str() != own {
                f(path, entry);
            }
        });
    }

    fn below(&self, path: &mut Path) -> String {
        path.enter(&self.0, |path| path.as_str().to_owned())
    }

    /// The layer with `value` as this weight: every other entry is the layer's own, so that gradients and updates find it.
    pub(crate) fn with_value<T: Float, L: Module + Clone>(&self, layer: &L, value: Var<T>) -> L {
        let mut copy = layer.clone();
        let originals: Vec<&dyn Entry> = layer.entries().into_iter().map(|(_, entry)| entry).collect();
        let (mut originals, mut value) = (originals.into_iter(), Some(value));
        copy.visit_mut(&mut Path::root(), &mut |path, entry| {
            let Some(original) = originals.next() else { return };
            let place = entry.as_any_mut();
            if let Some(place) = place.downcast_mut::<Param<T>>() {
                let own = original.as_any().downcast_ref::<Param<T>>().map(|own| (**own).clone());
                let var = if path.as_str() == self.0 { value.take() } else { own };
                var.into_iter().for_each(|var| *place = Param::standing_for(var));
            } else if let Some(place) = place.downcast_mut::<Buffer<T>>() {
                let own = original.as_any().downcast_ref::<Buffer<T>>();
                own.into_iter().for_each(|own| *place = own.alias());
            } else if let Some(place) = place.downcast_mut::<Counter>() {
                let own = original.as_any().downcast_ref::<Counter>();
                own.into_iter().for_each(|own| *place = own.alias());
            }
        });
        copy
    }
}
